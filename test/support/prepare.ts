import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findChromium, findFaketime, findRedisServer } from './programs.js'

const PROGRAMS = [
  {
    name: 'redis-server',
    debianPackage: 'redis-server',
    hint: 'brew install redis, or see https://redis.io/downloads',
    find: findRedisServer,
  },
  { name: 'faketime', debianPackage: 'faketime', hint: 'brew install libfaketime', find: findFaketime },
  { name: 'Chromium', debianPackage: 'chromium', hint: 'npx playwright-core install chromium', find: findChromium },
]

/** Makes ready what the tests stand on, once for all of them: a Redis server, faketime, a Chromium, and the built package. */
export default function prepare(): void {
  install()
  build()
}

function install(): void {
  const missing = PROGRAMS.filter((program) => program.find() === undefined)
  if (missing.length === 0) return
  const names = missing.map((program) => program.name).join(' and ')
  const packages = missing.map((program) => program.debianPackage).join(' ')
  const command = `apt-get update && apt-get install -y --no-install-recommends ${packages}`
  if (!isDebian()) stop(`The tests need ${names}. Type: ${missing.map((program) => program.hint).join('; ')}`)
  if (process.getuid?.() !== 0) stop(`The tests need ${names}. Type: sudo sh -c '${command}'`)
  say(`The tests need ${names}. Installing: ${command}`)
  run('sh', ['-c', command])
  const still = PROGRAMS.filter((program) => program.find() === undefined)
  if (still.length > 0) stop(`That did not help. Type: ${still.map((program) => program.hint).join('; ')}`)
}

function isDebian(): boolean {
  try {
    return /^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

function build(): void {
  const status = run('npm', ['run', '--silent', 'build'])
  // 2: written in spite of type errors, which are for `npm run check` to judge, as they are in what vitest runs itself
  if (status !== 0 && status !== 2) stop('The package could not be built')
}

function run(program: string, args: string[]): number | null {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env }).status
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

// thrown from here, vitest would bury the sentence under its own stack
function stop(line: string): never {
  say(line)
  process.exit(1)
}
