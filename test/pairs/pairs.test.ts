import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applicationIn, LISTENING } from '../support/code-blocks.js'
import { bannerAfter, confirm } from '../support/delete-form.js'
import { HttpClient } from '../support/http-client.js'
import { NODES, nodeProgram } from '../support/nodes.js'
import { pack } from '../support/pack.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { page } from '../support/serving.js'
import { until } from '../support/until.js'
import { startWorker, type Worker } from '../support/worker.js'

const run = promisify(execFile)
const HERE = import.meta.dirname
const ROOT = join(HERE, '../..')
const APPLICATIONS = ['app.mjs', 'bullmq.mjs', 'sessions.mjs']

interface Report {
  computations: number
  hits: { near: number }
  printed: string[]
  node: string
}

const pairs = readdirSync(HERE).filter((name) => existsSync(join(HERE, name, 'package.json')))

let work: string
let tarball: string
let redis: RedisServer

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'keyedcache-pairs-'))
  ;({ tarball } = await pack(work))
  redis = await startRedis()
})

afterAll(async () => {
  await redis.close()
  await rm(work, { recursive: true, force: true })
})

describe.each(pairs)('Beside %s, installed from its tarball, the package', (pair) => {
  const { dependencies } = JSON.parse(readFileSync(join(HERE, pair, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const workers: Worker[] = []
  let folder: string
  let ofThePair: string

  const start = async (file: string, env: Record<string, string> = {}, node?: string): Promise<Worker> => {
    const worker = await startWorker(join(folder, file), { NODE_ENV: 'test', ...env }, node)
    workers.push(worker)
    return worker
  }

  beforeAll(async () => {
    await redis.client().flushall()
    folder = join(work, pair)
    ofThePair = join(folder, 'node_modules/.bin/tsc')
    await cp(join(HERE, pair), folder, { recursive: true })
    await cp(join(ROOT, 'test/consumer'), folder, { recursive: true })
    for (const file of APPLICATIONS) await cp(join(HERE, file), join(folder, file))
    await writeFile(join(folder, 'readme.ts'), applicationIn('README.md'))
    await run('npm', ['ci', '--prefer-offline', '--ignore-scripts'], { cwd: folder })
    // Ends in ERESOLVE where a peer does not suit
    await run('npm', ['install', '--no-save', '--prefer-offline', tarball], { cwd: folder })
  }, 180_000)

  afterAll(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()))
  })

  it('uses the Express and the ioredis of the application', async () => {
    const { stdout } = await run('npm', ['ls', 'express', 'ioredis', '--json', '--depth=0'], { cwd: folder })
    const { dependencies: used } = JSON.parse(stdout) as { dependencies: Record<string, { version: string }> }
    expect(used['express']?.version).toBe(dependencies['express'])
    expect(used['ioredis']?.version).toBe(dependencies['ioredis'])
    expect(existsSync(join(folder, 'node_modules/keyedcache/node_modules/ioredis'))).toBe(false)
  })

  it('serves the application of the README, whose keys that of the dashboard deletes by its form', async () => {
    const env = { REDIS_URL: redis.url, KEYEDCACHE_KEY_PREFIX: 'shop' }
    await writeFile(join(folder, 'shop.mjs'), servedByTests(applicationIn('README.md')))
    await writeFile(join(folder, 'office.mjs'), servedByTests(applicationIn('docs/dashboard.md')))
    const shop = await start('shop.mjs', env)
    const visitor = new HttpClient(await shop.call<string>('address'))
    /** Whether it was cached: the query of the README takes a second. */
    const isCached = async (path: string, content: unknown): Promise<boolean> => {
      const begunMs = performance.now()
      expect(await (await visitor.get(path)).json()).toEqual(content)
      return performance.now() - begunMs < 900
    }
    const pages: [string, unknown][] = [
      ['/products/1', { id: '1', name: 'Product 1' }],
      ['/products/1/reviews', [{ text: 'Review of product 1' }]],
    ]
    for (const [path, content] of pages) {
      expect(await isCached(path, content)).toBe(false)
      await until(async () => isCached(path, content), 'it is cached')
    }

    const office = await start('office.mjs', { ...env, SESSION_SECRET: 'secret', STAFF_PASSWORD: 'password' })
    const address = await office.call<string>('address')
    const staff = new HttpClient(address)
    const away = await staff.get('/cache/keys?view=tree')
    expect(away.status).toBe(303)
    const signIn = away.headers.get('location') ?? ''
    expect((await staff.post(signIn, { password: 'wrong' })).status).toBe(401)
    expect((await staff.post(signIn)).status).toBe(401)
    const others = ['https://evil.example', '//evil.example', '/\\evil.example', '/cache.evil.example', '']
    for (const [path, to] of [
      [signIn, '/cache/keys?view=tree'],
      ['/accounts/login', '/cache/'],
      ['/accounts/login?next[]=/cache/keys', '/cache/'],
      ...others.map((other) => [`/accounts/login?next=${encodeURIComponent(other)}`, '/cache/'] as const),
    ] as const) {
      expect((await staff.post('/accounts/logout')).headers.get('location')).toBe('/')
      expect((await staff.get('/cache/')).status).toBe(303)
      expect((await staff.post(path, { password: 'password' })).headers.get('location')).toBe(to)
    }
    expect(await page(staff, '/')).toContain('/cache/')
    expect(await (await staff.get('/cache/api/keys')).json()).toMatchObject({ total: 2 })
    // Browsers name the port of this site in `Origin`, as they do in `Host`
    for (const other of ['http://127.0.0.1', 'http://127.0.0.1:1', 'http://evil.example'])
      expect((await confirm(staff, '/cache/delete?mode=tree&key=product', { origin: other })).status).toBe(403)
    const done = await confirm(staff, '/cache/delete?mode=tree&key=product', { origin: address })
    expect(await bannerAfter(staff, done)).toContain('2 keys')
    expect(await (await staff.get('/cache/api/keys')).json()).toMatchObject({ total: 0 })

    for (const [path] of pages) await visitor.get(path)
    expect((await visitor.request('/products/1', { method: 'PUT' })).status).toBe(204)
    expect(await (await staff.get('/cache/api/keys')).json()).toMatchObject({ total: 0 })
    expect(shop.complaints + office.complaints).not.toMatch(/error|unhandled|deprecat/i)
  })

  describe.each(NODES)('serves, on Node %s, an application that', (version) => {
    let app: Worker
    let site: HttpClient
    const call = async <T>(method: string, ...args: unknown[]): Promise<T> =>
      app.call<T>('call', 'default', method, ...args)
    const read = async (key: string): Promise<unknown> => call('get', key, { default: null })

    beforeAll(async () => {
      await redis.client().flushall()
      app = await start('app.mjs', {}, nodeProgram(version))
      site = new HttpClient(await app.call<string>('serve', redis.url))
      await Promise.all([call('require'), app.call('call', 'client', 'require')])
    })

    it('computes a cached function once', async () => {
      for (let n = 0; n < 3; n++)
        expect(await (await site.get('/nearest')).json()).toEqual({ name: 'Praha', lat: 50, lon: 14 })
      expect((await app.call<Report>('report')).computations).toBe(1)
    })

    it('gives one object to a whole request', async () => {
      expect(await (await site.get('/remembered')).json()).toBe(true)
    })

    it('has copies in the process until Redis tells of a change', async () => {
      await call('set', 'copied', 'once')
      const near = async (): Promise<number> => (await app.call<Report>('report')).hits.near
      const before = await near()
      await until(async () => (await read('copied')) === 'once' && (await near()) > before, 'there is a copy')
      await redis.client().unlink('pairs:v:copied')
      await until(async () => (await read('copied')) === null, 'the copy is gone')
    })

    it('deletes by tag', async () => {
      await call('set', 'tagged', 1, { tags: ['sale'] })
      await call('set', 'other', 2, { tags: ['new'] })
      await call('deleteTag', 'sale')
      expect([await read('tagged'), await read('other')]).toEqual([null, 2])
    })

    it('keeps values through a client of its own', async () => {
      await app.call('call', 'client', 'set', 'key', new Map([['a', 1n]]))
      expect(await app.call('call', 'client', 'get', 'key')).toEqual(new Map([['a', 1n]]))
    })

    it('takes forms from the site that its proxy names, with its port', async () => {
      await call('set', 'unwanted', 1)
      const path = '/cache/delete?mode=one&key=unwanted'
      const from = async (origin: string): Promise<number> =>
        (await confirm(site, path, { origin, 'x-forwarded-host': 'shop.example:8443', 'x-forwarded-proto': 'https' }))
          .status
      expect(await from('https://shop.example')).toBe(403)
      expect(await from('https://shop.example:8443')).toBe(303)
      expect(await read('unwanted')).toBe(null)
    })

    it('answers what fails by its error handler', async () => {
      for (const [path, message] of [
        ['/fails', 'no database'],
        ['/broken/', 'a broken response'],
      ] as const) {
        const response = await site.get(path)
        expect([response.status, await response.json()]).toEqual([500, message])
      }
    })

    it('goes on without Redis, and with it when it is back', async () => {
      const works = async (): Promise<number> => (await site.get('/nearest')).status
      await redis.kill()
      for (let n = 0; n < 5; n++) expect(await works()).toBe(200)
      expect((await site.get('/cache/')).status).toBe(200)
      await redis.restart()
      await until(async () => call('set', 'again', 1), 'values are stored again')
      await until(async () => app.call('call', 'client', 'set', 'again', 1), 'so are those by the other client')
      expect([await works(), await read('again')]).toEqual([200, 1])
      await call('deleteTag', 'none')
    })

    it('prints nothing, and ended no promise in vain', async () => {
      const report = await app.call<Report>('report')
      expect([report.node.split('.')[0], report.printed]).toEqual([`v${version}`, []])
      expect(app.complaints).not.toMatch(/unhandled/i)
    })
  })

  if ('bullmq' in dependencies) {
    it.each(NODES)('keeps values, on Node %s, through the client of a queue of bullmq', async (version) => {
      const app = await start('bullmq.mjs', {}, nodeProgram(version))
      expect(await app.call('runJob', redis.port)).toEqual([2, 1])
    })
  }

  if ('connect-redis' in dependencies) {
    it.each(NODES)('deletes, on Node %s, for staff whose session connect-redis keeps', async (version) => {
      await redis.client().flushall()
      const app = await start('sessions.mjs', {}, nodeProgram(version))
      const staff = new HttpClient(await app.call<string>('serve', redis.url))
      expect(await bannerAfter(staff, await confirm(staff, '/cache/delete?mode=all'))).toContain('1 key')
      expect(await redis.client().keys('sess:*')).toHaveLength(1)
    })
  }

  it.each([
    [dependencies['typescript'], () => ofThePair, ['--moduleResolution', 'node10']],
    ['7', () => join(ROOT, 'node_modules/.bin/tsc'), []],
  ])(
    'has types for TypeScript %s, in every kind of module',
    async (_version, compiler, commonjs) => {
      for (const [config, ...args] of [
        ['tsconfig.json'],
        ['tsconfig.bundler.json'],
        ['tsconfig.commonjs.json', ...commonjs],
      ] as const)
        expect(await complaintsOf(compiler(), ['-p', config, ...args]), config).toBe('')
    },
    180_000,
  )

  if ('other-ioredis' in dependencies) {
    it('has types that take clients and options of another ioredis', async () => {
      const config = { extends: './tsconfig.json', include: ['other-copy.ts'] }
      await writeFile(join(folder, 'tsconfig.other.json'), JSON.stringify(config))
      expect(await complaintsOf(ofThePair, ['-p', 'tsconfig.other.json'])).toBe('')
    })
  }

  async function complaintsOf(compiler: string, args: string[]): Promise<string> {
    return run(compiler, args, { cwd: folder }).then(
      ({ stdout }) => stdout,
      (error: Error & { stdout?: string }) => error.stdout || error.message,
    )
  }
})

/** The same, but it listens on a free port and gives its address. */
function servedByTests(application: string): string {
  const code = application.replace(LISTENING, "app.listen(0, '127.0.0.1')")
  return `${code}export const address = () => \`http://127.0.0.1:\${server.address().port}\`\n`
}
