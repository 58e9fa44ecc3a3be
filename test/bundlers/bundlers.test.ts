import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { applicationIn, LISTENING } from '../support/code-blocks.js'
import { linked } from '../support/dashboard.js'
import { bannerAfter, confirm } from '../support/delete-form.js'
import { endWithTests } from '../support/end-with-tests.js'
import { HttpClient } from '../support/http-client.js'
import { NODES, nodeProgram } from '../support/nodes.js'
import { startRedis, type RedisServer } from '../support/redis-server.js'
import { page } from '../support/serving.js'
import { type Installed, install } from './install.js'
import { until } from '../support/until.js'

const run = promisify(execFile)

const BUNDLES = [
  'esbuild as ESM',
  'esbuild as CommonJS',
  'esbuild --minify as ESM',
  'esbuild --minify as CommonJS',
  'esbuild of an application that uses require',
  'Rollup as ESM',
  'Rollup as one file of CommonJS',
  'webpack as ESM',
  'webpack as CommonJS',
  'Vite as ESM',
  'Vite as CommonJS',
]

/** Where the application is installed, and where bundles are, from where no package can be found. */
let installed: Installed
let bundles: string
let redis: RedisServer

beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'keyedcache-bundles-'))
  ;[installed, redis] = await Promise.all([install('bundle.mjs'), startRedis()])
  await writeFile(join(installed.folder, 'app.mjs'), servedByTests(applicationIn('docs/dashboard.md')))
}, 300_000)

afterAll(async () => {
  await Promise.all([redis.close(), installed.remove(), rm(bundles, { recursive: true, force: true })])
})

it.each(BUNDLES)(
  'Bundled by %s, the application of docs/dashboard.md runs by itself, on every Node and both stores, a form of the dashboard deletes a key, and it ends at SIGTERM',
  async (how) => {
    const name = how.replaceAll(/\W+/g, '-')
    const folder = join(bundles, name)
    await mkdir(folder)
    await run(process.execPath, ['bundle.mjs', how, folder], { cwd: installed.folder })
    const main = (await readdir(folder)).find((file) => file.startsWith('main.')) ?? ''
    for (const store of ['memory', 'redis'] as const) {
      const visits = NODES.map(async (version) => {
        const env = store === 'memory' ? {} : { REDIS_URL: redis.url, KEYEDCACHE_KEY_PREFIX: `${name}-${version}` }
        const app = await start(nodeProgram(version), join(folder, main), env)
        try {
          await visit(new HttpClient(app.url), store)
          app.child.kill('SIGTERM')
          expect(await once(app.child, 'exit')).toEqual([0, null])
        } finally {
          app.child.kill('SIGKILL')
        }
      })
      await Promise.all(visits)
    }
  },
  240_000,
)

async function visit(staff: HttpClient, store: string): Promise<void> {
  const away = await staff.get('/cache/')
  expect([away.status, away.headers.get('location')]).toEqual([303, '/accounts/login?next=%2Fcache%2F'])
  await staff.post('/accounts/login', { password: 'of tests' })

  let keys = ''
  const isKept = async (): Promise<boolean> => {
    expect(await page(staff, '/products/1')).toBe(JSON.stringify({ id: '1', name: 'Product 1' }))
    keys = await page(staff, '/cache/keys')
    return keys.includes('product::1')
  }
  await until(isKept, 'the product is kept')
  const [, stylesheet = ''] = /href="\.\/(assets\/dashboard\.css[^"]*)"/.exec(keys) ?? []
  expect(await page(staff, `/cache/${stylesheet}`)).toContain('{')

  const deleted = await confirm(staff, `/cache/delete?mode=one&k=${linked('product::1')}`)
  expect(await bannerAfter(staff, deleted)).toMatch(/^ Deleted 1 key /)
  expect(JSON.parse(await page(staff, '/cache/api/keys'))).toMatchObject({ total: 0 })
  expect(JSON.parse(await page(staff, '/cache/api/stats'))).toMatchObject({ backend: { kind: store } })
}

/** The same, but the environment gives its port, and it tells which when it listens. */
function servedByTests(application: string): string {
  const tell = '() => process.stdout.write(`${server.address().port}\\n`)'
  return application.replace(LISTENING, `app.listen(process.env.PORT, '127.0.0.1', ${tell})`)
}

/** Starts a bundle by a Node in a process of its own, and gives its address. */
async function start(
  node: string,
  file: string,
  env: Record<string, string>,
): Promise<{ url: string; child: ChildProcess }> {
  const { REDIS_URL: _, ...rest } = process.env
  const settings = { PORT: '0', SESSION_SECRET: 'a secret for tests only', STAFF_PASSWORD: 'of tests' }
  const child = spawn(node, [file], {
    env: { ...rest, ...settings, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  endWithTests(child)
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The bundle ended at once (${code})`)
  })
  const [port] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer]
  return { url: `http://127.0.0.1:${String(port).split('\n')[0]}`, child }
}
