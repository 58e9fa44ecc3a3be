import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pack } from '../support/pack.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'

const run = promisify(execFile)
const HERE = import.meta.dirname
/** Another Node to run the suites by. */
const NODE = process.env['SUITES_NODE'] ?? process.execPath

/** How a user's suite is run. */
interface Suite {
  readonly runner: 'jest' | 'vitest' | 'node'
  readonly type: 'module' | 'commonjs'
  /** As what the runner gets the files: TypeScript, or JavaScript with `import` or `require`. */
  readonly files: 'ts' | 'import' | 'require'
  readonly config?: object
  readonly flags?: readonly string[]
  readonly linked?: true
}

const BABEL = { presets: [['@babel/preset-env', { targets: { node: 'current' } }]] }

const SUITES: Record<string, Suite> = {
  'Jest with babel-jest, in CommonJS': {
    runner: 'jest',
    type: 'commonjs',
    files: 'import',
    config: { transform: { '\\.js$': ['babel-jest', BABEL] } },
  },
  'Jest with ts-jest, in CommonJS': {
    runner: 'jest',
    type: 'commonjs',
    files: 'ts',
    config: { preset: 'ts-jest', moduleNameMapper: { '^(\\./.*)\\.js$': '$1' } },
  },
  'Jest with ESM': {
    runner: 'jest',
    type: 'module',
    files: 'import',
    config: { transform: {} },
    flags: ['--experimental-vm-modules'],
  },
  Vitest: { runner: 'vitest', type: 'module', files: 'ts', config: {} },
  'Vitest with the package linked': { runner: 'vitest', type: 'module', files: 'ts', config: {}, linked: true },
  'Vitest with the package inlined': {
    runner: 'vitest',
    type: 'module',
    files: 'ts',
    config: { server: { deps: { inline: ['keyedcache'] } } },
  },
  'node:test with ESM': { runner: 'node', type: 'module', files: 'import' },
  'node:test with CommonJS': { runner: 'node', type: 'commonjs', files: 'require' },
}

/** How many tests a user has. */
const TESTS = { 'the store in the process': 18, Redis: 18 }

let work: string
let redis: RedisServer

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'keyedcache-suites-'))
  redis = await startRedis()
  for (const file of ['package.json', 'package-lock.json']) await cp(join(HERE, file), join(work, file))
  await npm('ci')
  await npm('install', '--no-save', (await pack(work)).tarball)
}, 300_000)

afterAll(async () => {
  await redis.close()
  await rm(work, { recursive: true, force: true })
})

it('The one line that a runner needs is in the documents', async () => {
  const line = "jest.useFakeTimers({ doNotFake: ['nextTick'] })"
  expect(await readFile(join(HERE, 'runners/jest.ts'), 'utf8')).toContain(line)
  for (const name of ['testing', 'troubleshooting']) {
    expect(await readFile(join(HERE, `../../docs/${name}.md`), 'utf8')).toContain(`\`${line}\``)
  }
})

describe.each(Object.keys(SUITES))("A user's suite in %s", (name) => {
  const suite = SUITES[name] as Suite
  const folder = (): string => join(work, name.replaceAll(/\W+/g, '-'))

  beforeAll(() => prepare(suite, folder()))

  it.each(Object.entries(TESTS))('passes on %s, and ends by itself', async (store, tests) => {
    const { REDIS_URL: _, NODE_OPTIONS: __, VITEST: ___, ...rest } = process.env
    const env = { ...rest, NODE_ENV: 'test' }
    if (store === 'Redis') {
      await redis.client().flushall()
      Object.assign(env, { REDIS_URL: redis.url })
    }
    const args = [...(suite.flags ?? []), ...(await programOf(suite.runner, folder()))]
    const settled = await run(NODE, args, { cwd: folder(), env, timeout: 120_000 }).catch((error: unknown) => error)
    const { stdout, stderr } = settled as { stdout: string; stderr: string }
    const output = stripVTControlCharacters(stdout + stderr)
    expect(settled, output).not.toBeInstanceOf(Error)
    expect(passedOf(output), output).toBe(tests)
    expect(output).not.toMatch(/did not exit|failed to exit|open handle|unhandled/i)
    expect(output).not.toMatch(/KEYEDCACHE_(?!TAKEN_OVER)/)
  })
})

/** Makes the folder of a suite: the user's files, as its runner gets them, and its configuration. */
async function prepare({ runner, type, files, config, linked }: Suite, folder: string): Promise<void> {
  await mkdir(folder)
  const write = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text)
  await write('package.json', JSON.stringify({ type, jest: runner === 'jest' ? config : undefined }))
  if (runner === 'vitest') await write('vitest.config.js', `export default ${JSON.stringify({ test: config })}`)
  if (runner === 'node') {
    const again = type === 'module' ? 'load-again.mjs' : 'load-again.cjs'
    await cp(join(HERE, 'runners', again), join(folder, 'load-again.js'))
  }
  if (files === 'ts') {
    const compilerOptions = {
      target: 'es2022',
      module: 'commonjs',
      esModuleInterop: true,
      strict: true,
      types: ['node'],
    }
    await write('tsconfig.json', JSON.stringify({ compilerOptions }))
  }
  const sources = (await readdir(join(HERE, 'user'))).map((file) => join(HERE, 'user', file))
  for (const source of [...sources, join(HERE, 'runners', `${runner}.ts`)]) {
    const name = dirname(source).endsWith('runners') ? 'runner' : basename(source, '.ts')
    const text = await readFile(source, 'utf8')
    await write(files === 'ts' ? `${name}.ts` : `${name}.js`, files === 'ts' ? text : javaScript(text, files))
  }
  if (linked) await link(folder)
}

/** Has a suite use the package from a folder outside of any `node_modules`, as `npm link` and `file:` do. */
async function link(folder: string): Promise<void> {
  const apart = join(work, 'linked')
  await mkdir(join(folder, 'node_modules'))
  await mkdir(apart)
  await cp(join(work, 'node_modules/keyedcache'), join(apart, 'keyedcache'), { recursive: true })
  await symlink(join(work, 'node_modules'), join(apart, 'node_modules'))
  await symlink(join(apart, 'keyedcache'), join(folder, 'node_modules/keyedcache'))
}

/** What is used of TypeScript 5, which the project itself no longer has. */
interface Compiler {
  readonly ModuleKind: { readonly CommonJS: number; readonly ES2022: number }
  readonly ScriptTarget: { readonly ES2022: number }
  transpileModule(text: string, options: { compilerOptions: object }): { outputText: string }
}

function javaScript(text: string, files: 'import' | 'require'): string {
  const compiler = createRequire(join(work, 'package.json'))('typescript') as Compiler
  const module = files === 'import' ? compiler.ModuleKind.ES2022 : compiler.ModuleKind.CommonJS
  const compilerOptions = { module, target: compiler.ScriptTarget.ES2022, esModuleInterop: true }
  return compiler.transpileModule(text, { compilerOptions }).outputText
}

/** The runner's program and its arguments. The files run one after the other, since they share one Redis. */
async function programOf(runner: Suite['runner'], folder: string): Promise<string[]> {
  const modules = join(work, 'node_modules')
  if (runner === 'jest') return [join(modules, 'jest/bin/jest.js'), '--ci', '--runInBand', '--rootDir', folder]
  if (runner === 'vitest') return [join(modules, 'vitest/vitest.mjs'), 'run', '--no-file-parallelism']
  const files = (await readdir(folder)).filter((file) => file.endsWith('.test.js'))
  return ['--test', '--test-reporter=tap', ...files]
}

/** How many tests have passed, as the runner says. */
function passedOf(output: string): number {
  const [, passed] = /^(?:Tests: +|# pass | *Tests +)(\d+)/m.exec(output) ?? []
  return Number(passed)
}

async function npm(command: string, ...args: string[]): Promise<void> {
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  await run('npm', [command, ...flags, ...args], { cwd: work })
}
