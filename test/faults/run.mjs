// Does every fault in full and prints what the application noticed. Arguments are names of `PARTS`, none: all, whose tables go into
// docs/measurements.md. Or they are names of measures (such as `stalls`: those of test/faults/measured) or of test files: these are launched
// once, and nothing is written. With FAULTS=short in front, what is named lasts as short as it may: a try, whose times are not judged as
// strictly, and of which nothing is written.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchNode } from '../bench/tables/bench-node.mjs'
import { machineOf, measuredBy } from '../bench/tables/machine.mjs'
import { markdown } from '../bench/tables/markdown.mjs'
import { mergeLaunches } from '../bench/tables/merge-launches.mjs'
import { writeFigures } from '../bench/tables/write-figures.mjs'
import { PROMISES } from './promises.mjs'

const ROOT = join(import.meta.dirname, '../..')
/** How many rows there are. Each must have a figure. */
const ROWS = 40
/** The tables, and what stands above their columns. */
const HEADS = {
  promises: ['What', 'Measured'],
  faults: ['Row', 'What happens', 'What the application noticed'],
}
/** What is run together: how often, and between which markers of the page its tables go. */
const PARTS = {
  /** Whose figures are times. */
  timed: {
    launches: 3,
    files: [
      'test/faults/connecting.test.ts',
      'test/faults/connection.test.ts',
      'test/faults/cluster-down.test.ts',
      'test/faults/redis-away.test.ts',
      'test/faults/redis-refuses.test.ts',
      'test/stores/redis/shards/cluster.test.ts',
      'test/stores/redis/connection/sentinel.test.ts',
      'test/cache/computing/single-flight-processes.test.ts',
      'test/cache/computing/stale-while-revalidate.test.ts',
      'test/cache/computing/clock-skew.test.ts',
    ],
    markers: { promises: 'promises', faults: 'faults' },
  },
  /** Which count what went wrong, mostly at random: once, since the sum tells. */
  counted: {
    launches: 1,
    files: [
      'test/cache/leases/fence.test.ts',
      'test/values/corrupted-entries.test.ts',
      'test/cache/history.test.ts',
      'test/admin/fuzz.test.ts',
      'test/cache/model.test.ts',
      ...new Set(PROMISES.map(({ file }) => file)),
    ],
    markers: { faults: 'counted' },
  },
  /** Which have a limit beside each figure. */
  measures: { launches: 1, files: ['test/faults/measured'], markers: {} },
}

const node = benchNode()
const names = process.argv.slice(2)
/** What goes into the page is measured in full. */
const howLong = names.length > 0 && process.env.FAULTS === 'short' ? 'short' : 'full'
const folder = mkdtempSync(join(tmpdir(), 'keyedcache-faults-'))
try {
  process.exitCode = names.every((name) => name in PARTS) ? runParts() : runNamed()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function runNamed() {
  const { rows, status } = launch(names.map(fileOf))
  for (const table of Object.keys(HEADS)) say(`\n${tableOf(table, rows)}\n`)
  return status
}

function runParts() {
  const parts = names.length === 0 ? Object.keys(PARTS) : names
  const outcomes = parts.map(runPart)
  const numbers = new Set(outcomes.flatMap(({ rows }) => rows.flatMap(numbersOf)))
  const missing = names.length === 0 ? Array.from({ length: ROWS }, (_, i) => i + 1).filter((n) => !numbers.has(n)) : []
  for (const n of missing) say(`MISSING: row ${n} has no figure.`)
  return missing.length > 0 ? 1 : Math.max(...outcomes.map(({ status }) => status))
}

function runPart(name) {
  const { launches, files, markers } = PARTS[name]
  const machines = []
  const outcomes = []
  while (outcomes.length < launches) {
    machines.push(machineOf(node))
    outcomes.push(launch(files))
  }
  const rows = merged(outcomes.flatMap((each) => each.rows))
  const head = measuredBy(`npm run faults -- ${name}`, launches, mergeLaunches(machines))
  for (const table of Object.keys(HEADS)) {
    const text = `${head}\n\n${tableOf(table, rows)}`
    say(`\n${text}\n`)
    if (table in markers && howLong === 'full') writeFigures('docs/measurements.md', markers[table], text)
  }
  return { rows, status: Math.max(...outcomes.map(({ status }) => status)) }
}

/** Runs these files in a process of its own. */
function launch(files) {
  const [rowsFile, resultFile] = [join(folder, 'rows.jsonl'), join(folder, 'result.json')]
  rmSync(rowsFile, { force: true })
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile=${resultFile}`, ...files]
  const { status } = spawnSync(node, [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, FAULTS: howLong, FAULTS_ROWS: rowsFile },
  })
  const { testResults } = JSON.parse(readFileSync(resultFile, 'utf8'))
  return { rows: [...measured(rowsFile, testResults), ...promised(testResults)], status: status ?? 1 }
}

/** A measure by its name, else what it is to vitest. */
function fileOf(name) {
  const file = `test/faults/measured/${name}.measure.ts`
  return existsSync(join(ROOT, file)) ? file : name
}

function measured(rowsFile, testResults) {
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  const failed = new Set(tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName))
  return readFileSync(rowsFile, { encoding: 'utf8', flag: 'a+' })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .map(({ table, number, what, figure, test }) => ({
      table,
      number,
      what,
      figure,
      // vitest joins the names of a test by ' > ' in one place and by blanks in the other
      isKept: !failed.has(test.replaceAll(' > ', ' ')),
    }))
}

function promised(testResults) {
  return PROMISES.flatMap(({ number, fault, promise, file }) => {
    const result = testResults.find(({ name }) => name.endsWith(file))
    const row = { table: 'faults', number, what: fault, figure: promise, isKept: result?.status === 'passed' }
    return result === undefined ? [] : [row]
  })
}

/** The rows of several launches, each once. Launches that noticed something else stand one after the other. */
function merged(rows) {
  const nameOf = ({ table, number, what }) => `${table} ${number} ${what}`
  return [...new Set(rows.map(nameOf))].map((name) => {
    const same = rows.filter((row) => nameOf(row) === name)
    const figures = same.map(({ figure }) => figure)
    const figure = mergeLaunches(figures) ?? [...new Set(figures)].join('; in another launch: ')
    return { ...same[0], figure, isKept: same.every(({ isKept }) => isKept) }
  })
}

function tableOf(table, rows) {
  const shown = rows
    .filter((row) => row.table === table)
    .toSorted((a, b) => order(a) - order(b))
    .map(({ number, what, figure, isKept }) => [number, what, `${isKept ? '' : '**broken**: '}${figure}`])
  const head = HEADS[table]
  // Promises have no number
  return markdown([head, ...shown.map((cells) => cells.slice(-head.length))], '---')
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
