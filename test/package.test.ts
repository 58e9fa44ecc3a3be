import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { linked } from './support/dashboard.js'
import { bannerAfter, confirm } from './support/delete-form.js'
import { HttpClient } from './support/http-client.js'
import { pack } from './support/pack.js'
import { startWorker } from './support/worker.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

let folder: string
let tarball: string
let size: number
let packed: readonly string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyedcache-package-'))
  ;({ tarball, size, paths: packed } = await pack(folder))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  const versions = await devDependencies()
  await install(tarball, ...['express', 'express-session'].map((name) => `${name}@${versions[name]}`))
  await cp(new URL('consumer', import.meta.url), folder, { recursive: true })
}, 180_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

it('is published as ESM and as CommonJS, without the demo, the tests and what it is built from', () => {
  const documents = [
    'LICENSE',
    'README.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'docs/guide.md',
    'docs/troubleshooting.md',
    'llms.txt',
  ]
  const entries = ['index.js', 'index.d.ts'].flatMap((file) => [`dist/${file}`, `dist/cjs/${file}`])
  expect(packed).toEqual(expect.arrayContaining([...documents, ...entries, 'dist/cjs/package.json']))
  expect(packed.filter((path) => /demo|\btest\b|\.env|^views|^public|^build/.test(path))).toEqual([])
})

it('has documents that link to nothing that is not in it, but by an address', async () => {
  const documents = packed.filter((path) => /\.(?:md|txt)$/.test(path))
  expect(documents.length).toBeGreaterThan(10)
  for (const document of documents) {
    const text = await readFile(join(installed(), document), 'utf8')
    const links = Array.from(text.matchAll(/\]\(([^)\s#]+)/g), ([, link = '']) => link)
    const files = links.filter((link) => !link.startsWith('https://')).map((link) => join(dirname(document), link))
    expect(files.filter((file) => !packed.includes(file))).toEqual([])
  }
})

it('is at most 700 kB to download', () => {
  expect(size).toBeLessThanOrEqual(700_000)
})

it('leads editors from each declaration to its source, which is published too', async () => {
  const declarations = packed.filter((path) => path.endsWith('.d.ts'))
  expect(declarations.filter((path) => path.includes('/stores/'))).toEqual([])
  const maps = packed.filter((path) => path.endsWith('.d.ts.map'))
  expect(maps.toSorted()).toEqual(declarations.map((path) => `${path}.map`).toSorted())
  for (const map of maps) {
    const { sources } = JSON.parse(await readFile(join(installed(), map), 'utf8')) as { sources: string[] }
    expect(sources.map((source) => join(dirname(map), source)).filter((source) => !packed.includes(source))).toEqual([])
  }
})

it.each([
  ['import', 'server.mjs'],
  ['require', 'server.cjs'],
])('loaded by %s, serves the dashboard with its styles, and deletes a key by its form', async (_how, server) => {
  const worker = await startWorker(join(folder, server))
  try {
    const staff = new HttpClient(await worker.call<string>('serve'))
    const overview = await staff.get('/cache/')
    expect(overview.status).toBe(200)
    const [, stylesheet] = /<link[^>]+rel="stylesheet"[^>]+href="([^"]+)"/.exec(await overview.text()) ?? []
    expect(stylesheet).toBeDefined()
    const styles = await staff.get(new URL(stylesheet ?? '', overview.url).pathname)
    expect(styles.status).toBe(200)
    expect(styles.headers.get('content-type')).toMatch(/^text\/css/)
    expect((await styles.text()).length).toBeGreaterThan(500)

    const before = await (await staff.get('/product')).json()
    expect(await (await staff.get('/product')).json()).toEqual(before)
    const deleted = await confirm(staff, `/cache/delete?mode=one&k=${linked('product')}`)
    expect(await bannerAfter(staff, deleted)).toMatch(/^ Deleted 1 key /)
    expect(await (await staff.get('/product')).json()).not.toEqual(before)
    expect(worker.complaints).toBe('')
  } finally {
    await worker.close()
  }
})

it.each([
  ['import', 'server.mjs', 'dist'],
  ['require', 'server.cjs', 'dist/cjs'],
])('loaded by %s, loads the views at the first request to a dashboard, not before', async (_how, server, dist) => {
  const loaded = async (...asked: string[]): Promise<string[]> => {
    const coverage = await mkdtemp(join(folder, 'coverage-'))
    const program = `import(${JSON.stringify(join(folder, server))}).then(async ({ serve }) => {
      const url = await serve()
      for (const path of ${JSON.stringify(asked)}) await fetch(url + path)
      process.exit()
    })`
    await run(process.execPath, ['-e', program], { env: { ...process.env, NODE_V8_COVERAGE: coverage } })
    const [report = ''] = await readdir(coverage)
    const { result } = JSON.parse(await readFile(join(coverage, report), 'utf8')) as { result: { url: string }[] }
    const prefix = pathToFileURL(join(installed(), dist, '/')).href
    return result.filter(({ url }) => url.startsWith(prefix)).map(({ url }) => url.slice(prefix.length))
  }
  const before = await loaded('/product')
  expect(before).toEqual(['index.js'])
  expect((await loaded('/cache/')).toSorted()).toEqual(['dashboard-files.js', 'index.js'])
})

it('can be loaded where Node evaluates no text', async () => {
  const program = "process.stdout.write(typeof require('keyedcache').keyedcacheAdmin())"
  const flags = ['--disallow-code-generation-from-strings', '--no-warnings']
  const { stdout } = await run(process.execPath, [...flags, '-e', program], { cwd: folder })
  expect(stdout).toBe('function')
})

it('gives a TypeScript project the types it promises, in every kind of module', async () => {
  const versions = await devDependencies()
  await install(...['@types/express', '@types/node', 'typescript'].map((name) => `${name}@${versions[name]}`))
  await cp(join(folder, 'consumer.ts'), join(folder, 'consumer.cts'))
  const compiler = join(folder, 'node_modules', '.bin', 'tsc')
  const configs = ['tsconfig.json', 'tsconfig.bundler.json', 'tsconfig.commonjs.json', 'tsconfig.both.json']
  expect(await Promise.all(configs.map((config) => compile(compiler, config)))).toEqual(configs.map(() => ''))
}, 180_000)

it('lets an application export what it gives, with declarations that need no types of other packages', async () => {
  const args = ['--noEmit', 'false', '--emitDeclarationOnly', '--outDir', 'declared']
  expect(await compile(join(folder, 'node_modules', '.bin', 'tsc'), 'tsconfig.json', ...args)).toBe('')
  const declared = await readFile(join(folder, 'declared', 'exported.d.ts'), 'utf8')
  const needed = Array.from(declared.matchAll(/(?:import\(|from )["']([^"']+)/g), ([, name]) => name)
  expect(new Set(needed)).toEqual(new Set(['keyedcache']))
}, 60_000)

async function compile(compiler: string, config: string, ...args: string[]): Promise<string> {
  try {
    return (await run(compiler, ['-p', config, ...args], { cwd: folder })).stdout
  } catch (error) {
    return String((error as { stdout?: string }).stdout ?? error)
  }
}

async function install(...packages: string[]): Promise<void> {
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], { cwd: folder })
}

async function devDependencies(): Promise<Record<string, string>> {
  const text = await readFile(join(root, 'package.json'), 'utf8')
  return (JSON.parse(text) as { devDependencies: Record<string, string> }).devDependencies
}

function installed(): string {
  return join(folder, 'node_modules', 'keyedcache')
}
