import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HttpClient } from './support/http-client.js'
import { pack } from './support/pack.js'
import { startWorker } from './support/worker.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

let folder: string
let tarball: string
let packed: readonly string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyedcache-package-'))
  ;({ tarball, paths: packed } = await pack(folder))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  const { express } = await devDependencies()
  await install(tarball, `express@${express}`)
}, 180_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

it('is published with its views and assets, without the demo, the tests and the sources', () => {
  expect(packed).toEqual(
    expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'dist/index.js', 'dist/index.d.ts']),
  )
  expect(packed.filter((path) => path.startsWith('views/'))).not.toEqual([])
  expect(packed.filter((path) => path.endsWith('.css'))).not.toEqual([])
  expect(packed.filter((path) => /demo|test|\bsrc\b|\.map$|\.env/.test(path))).toEqual([])
})

it('passes publint and attw', async () => {
  await run(bin('publint'), ['run', tarball, '--strict'], { cwd: root })
  await run(bin('attw'), [tarball, '--profile', 'esm-only', '--no-definitely-typed'], { cwd: root })
}, 60_000)

it('serves the dashboard with its styles, installed beside express alone', async () => {
  const server = join(folder, 'server.mjs')
  await cp(new URL('consumer/server.mjs', import.meta.url), server)
  const worker = await startWorker(server)
  try {
    const staff = new HttpClient(await worker.call<string>('serve'))
    const page = await staff.get('/cache/')
    expect(page.status).toBe(200)
    const [, stylesheet] = /<link[^>]+rel="stylesheet"[^>]+href="([^"]+)"/.exec(await page.text()) ?? []
    expect(stylesheet).toBeDefined()
    const styles = await staff.get(new URL(stylesheet ?? '', page.url).pathname)
    expect(styles.status).toBe(200)
    expect(styles.headers.get('content-type')).toMatch(/^text\/css/)
    expect((await styles.text()).length).toBeGreaterThan(500)
  } finally {
    await worker.close()
  }
})

it('gives a TypeScript project the types it promises, under both ways to resolve modules', async () => {
  await cp(new URL('consumer', import.meta.url), folder, { recursive: true })
  const versions = await devDependencies()
  await install(...['@types/express', '@types/node', 'typescript'].map((name) => `${name}@${versions[name]}`))
  const compiler = join(folder, 'node_modules', '.bin', 'tsc')
  const messages = await Promise.all(
    ['tsconfig.json', 'tsconfig.bundler.json'].map((config) => compile(compiler, config)),
  )
  expect(messages).toEqual(['', ''])
}, 180_000)

async function compile(compiler: string, config: string): Promise<string> {
  try {
    return (await run(compiler, ['-p', config], { cwd: folder })).stdout
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

function bin(name: string): string {
  return join(root, 'node_modules', '.bin', name)
}
