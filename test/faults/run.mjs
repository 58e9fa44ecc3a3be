// Runs every row of the fault table in full, and prints the table. Arguments are names of rows' files, none: all.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { arch, cpus, platform, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Rows whose promise is tested where the feature is; their figures are what these tests print. */
const ELSEWHERE = [
  { number: '15, 16, 17', fault: 'Cluster: master killed, hung; slots moved', file: 'test/cluster.test.ts' },
  { number: '20', fault: 'Sentinel failover', file: 'test/sentinel.test.ts' },
  { number: '22', fault: 'copies near: fill race, lost messages', file: 'test/near.test.ts' },
  {
    number: '23, 24, 33',
    fault: 'holder killed, paused; factory that never resolves',
    file: 'test/single-flight-processes.test.ts',
  },
  { number: '25', fault: 'delete while computing', file: 'test/fence.test.ts' },
  { number: '26', fault: 'clocks 10 minutes apart', file: 'test/clock-skew.test.ts' },
  { number: '30', fault: 'an index that is lost, dead names', file: 'test/lost-index.test.ts' },
  { number: '31', fault: 'odd keys', file: 'test/key-properties.test.ts' },
  { number: '31', fault: 'deletes with children: exactly those', file: 'test/prefix-delete-properties.test.ts' },
  { number: '32, 39', fault: 'factory throws; callers leave', file: 'test/get-or-set.test.ts' },
  { number: '34', fault: 'values of every kind', file: 'test/serializer-properties.test.ts' },
  { number: '38, 40', fault: 'mutation, one request and another', file: 'test/request-cache.test.ts' },
]
const OWN = [
  'test/faults',
  'test/corrupted-entries.test.ts',
  'test/history.test.ts',
  'test/admin-fuzz.test.ts',
  'test/model.test.ts',
]

const folder = mkdtempSync(join(tmpdir(), 'keyedcache-faults-'))
try {
  process.exitCode = run(process.argv.slice(2))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(names) {
  const [rowsFile, resultFile] = [join(folder, 'rows.jsonl'), join(folder, 'result.json')]
  const all = [...OWN, ...ELSEWHERE.map(({ file }) => file)]
  const files = names.length === 0 ? all : names
  const args = [
    'vitest',
    'run',
    '--maxWorkers=1',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${resultFile}`,
  ]
  const { status } = spawnSync('npx', [...args, ...files], {
    stdio: 'inherit',
    env: { ...process.env, FAULTS: 'full', FAULTS_ROWS: rowsFile },
  })
  const { testResults } = JSON.parse(readFileSync(resultFile, 'utf8'))
  const rows = [...measured(rowsFile, testResults), ...elsewhere(testResults)]
  print(rows.toSorted((a, b) => order(a) - order(b)))
  return status ?? 1
}

function measured(rowsFile, testResults) {
  const failed = new Set(
    testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName),
    ),
  )
  return read(rowsFile).map(({ number, fault, figure, test }) => ({
    number,
    fault,
    figure,
    // vitest joins the names of a test by ' > ' in one place and by blanks in the other
    passed: !failed.has(test.replaceAll(' > ', ' ')),
  }))
}

function elsewhere(testResults) {
  return ELSEWHERE.flatMap(({ number, fault, file }) => {
    const result = testResults.find(({ name }) => name.endsWith(file))
    if (result === undefined) return []
    const passed = result.assertionResults.filter((test) => test.status === 'passed').length
    const figure = `${passed} of ${result.assertionResults.length} tests of \`${file}\``
    return [{ number, fault, figure, passed: result.status === 'passed' }]
  })
}

function read(file) {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  } catch {
    return []
  }
}

function print(rows) {
  const versions = `Node ${process.versions.node}, ${redisVersion()}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${platform()} ${arch()}`
  const lines = rows.map(
    ({ number, fault, figure, passed }) => `| ${number} | ${fault} | ${figure} | ${passed ? 'kept' : '**broken**'} |`,
  )
  process.stdout.write(
    ['', versions, '', '| Row | Fault | Figure | Promise |', '| --- | --- | --- | --- |', ...lines, ''].join('\n'),
  )
}

function redisVersion() {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  return `Redis ${/v=(\S+)/.exec(stdout ?? '')?.[1] ?? 'unknown'}`
}

function order({ number }) {
  const first = Number.parseInt(number, 10)
  return Number.isNaN(first) ? 1000 : first
}
