// Does every fault in full, prints what the application noticed as one table, and puts it into docs/measurements.md. Arguments are names of
// measures (such as `stalls`: those of test/faults/measured) or of test files, none: all; only then that page is written. With
// FAULTS=short in front, what is named lasts as short as it may: a try, whose times are not judged as strictly.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { arch, cpus, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFigures } from '../bench/write-figures.mjs'
import { PROMISES } from './promises.mjs'

/** How many rows there are. Each must have a figure. */
const ROWS = 40
/** Tests that print the figures of rows. */
const MEASURING = [
  'test/faults',
  'test/stores/redis/shards/cluster.test.ts',
  'test/stores/redis/connection/sentinel.test.ts',
  'test/cache/computing/single-flight-processes.test.ts',
  'test/cache/leases/fence.test.ts',
  'test/cache/computing/clock-skew.test.ts',
  'test/values/corrupted-entries.test.ts',
  'test/cache/history.test.ts',
  'test/admin/fuzz.test.ts',
  'test/cache/model.test.ts',
]

const folder = mkdtempSync(join(tmpdir(), 'keyedcache-faults-'))
try {
  process.exitCode = run(process.argv.slice(2))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(names) {
  const [rowsFile, resultFile] = [join(folder, 'rows.jsonl'), join(folder, 'result.json')]
  const files = names.length === 0 ? [...MEASURING, ...new Set(PROMISES.map(({ file }) => file))] : names.map(fileOf)
  const { status } = spawnSync(
    'npx',
    ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile=${resultFile}`, ...files],
    { stdio: 'inherit', env: { ...process.env, FAULTS: howLong(names), FAULTS_ROWS: rowsFile } },
  )
  const { testResults } = JSON.parse(readFileSync(resultFile, 'utf8'))
  const rows = [...measured(rowsFile, testResults), ...promised(testResults)].toSorted((a, b) => order(a) - order(b))
  const text = table(rows)
  say(`\n${text}\n`)
  if (names.length > 0) return status ?? 1
  writeFigures('docs/measurements.md', 'faults', text)
  const missing = Array.from({ length: ROWS }, (_, i) => i + 1).filter(
    (n) => !rows.some((row) => numbersOf(row).includes(n)),
  )
  for (const n of missing) say(`MISSING: row ${n} has no figure.`)
  return missing.length > 0 ? 1 : (status ?? 1)
}

/** A measure by its name, else what it is to vitest. */
function fileOf(name) {
  const file = `test/faults/measured/${name}.measure.ts`
  return existsSync(file) ? file : name
}

/** What goes into the page is measured in full. */
function howLong(names) {
  return names.length > 0 && process.env.FAULTS === 'short' ? 'short' : 'full'
}

function measured(rowsFile, testResults) {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  const failed = new Set(tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName))
  return readFileSync(rowsFile, { encoding: 'utf8', flag: 'a+' })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .map(({ number, fault, figure, test }) => ({
      number: String(number),
      fault,
      figure,
      // vitest joins the names of a test by ' > ' in one place and by blanks in the other
      isKept: !failed.has(test.replaceAll(' > ', ' ')),
    }))
}

function promised(testResults) {
  return PROMISES.flatMap(({ number, fault, promise, file }) => {
    const result = testResults.find(({ name }) => name.endsWith(file))
    return result === undefined ? [] : [{ number, fault, figure: promise, isKept: result.status === 'passed' }]
  })
}

function table(rows) {
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${platform()} ${arch()}, Node ${process.versions.node}, ${redisVersion()}`
  const lines = rows.map(
    ({ number, fault, figure, isKept }) => `| ${number} | ${fault} | ${isKept ? '' : '**broken**: '}${figure} |`,
  )
  return [
    `Measured by one run of \`npm run faults\` on ${machine}.`,
    '',
    '| Row | What happens | What the application noticed |',
    '| --- | --- | --- |',
    ...lines,
  ].join('\n')
}

function redisVersion() {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return `Redis ${/v=(\S+)/.exec(stdout ?? '')?.[1] ?? 'unknown'}`
}

function numbersOf({ number }) {
  return number.split(', ').map(Number)
}

/** By their numbers, then those that have none. */
function order(row) {
  const [first] = numbersOf(row)
  return Number.isNaN(first) ? ROWS + 1 : first
}

function say(text) {
  process.stdout.write(`${text}\n`)
}
