import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bannerAfter, confirm } from '../support/delete-form.js'
import { HttpClient } from '../support/http-client.js'
import { NODES, nodeProgram } from '../support/nodes.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { ServingProgram } from '../support/serving-program.js'
import { until } from '../support/until.js'
import { type Clone, clone } from './install.js'

const EXAMPLES = join(import.meta.dirname, '../../examples')

/** The program of each example that serves. */
const PROGRAMS = {
  'express-redis': 'server.js',
  'typescript-sessions': 'dist/server.js',
  database: 'server.js',
  nestjs: 'dist/main.js',
}
type Example = keyof typeof PROGRAMS

/** What the examples run beside, and on which Node: nothing but what they name, or these packages in their place. */
interface Setting {
  readonly nodes: readonly string[]
  readonly packages: Readonly<Partial<Record<string, readonly string[]>>>
}

const OLDER = ['express@4.22.3', 'ioredis@5.11.1']
const OLDER_TYPED = [...OLDER, '@types/express@4.17.25']
/** NestJS brings its own Express: 5, in version 10 still 4. */
const OLDER_NEST = ['common', 'core', 'platform-express'].map((name) => `@nestjs/${name}@10.4.20`)

const SETTINGS: Record<string, Setting> = {
  'Express 5 and ioredis 6': { nodes: NODES, packages: {} },
  'Express 4 and ioredis 5': {
    nodes: ['20', '26'],
    packages: {
      'express-redis': OLDER,
      'typescript-sessions': OLDER_TYPED,
      database: OLDER,
      nestjs: [...OLDER_TYPED, ...OLDER_NEST],
      'user-tests': OLDER,
    },
  },
}

const examples = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((folder) => folder.name)

let work: Clone
let redis: RedisServer

beforeAll(async () => {
  ;[work, redis] = await Promise.all([clone(), startRedis()])
})

afterAll(async () => {
  await redis.close()
  await work.remove()
})

it('Each example is served or tested here, and in the README of the examples', () => {
  expect(examples.toSorted()).toEqual([...Object.keys(PROGRAMS), 'user-tests'].toSorted())
  const readme = readFileSync(join(EXAMPLES, 'README.md'), 'utf8')
  expect(examples.filter((name) => !readme.includes(`](${name})`))).toEqual([])
})

describe.each(Object.entries(SETTINGS))('With %s, the example', (_name, { nodes, packages }) => {
  const folders = new Map<string, string>()
  const programs: ServingProgram[] = []

  beforeAll(async () => {
    for (const example of examples) folders.set(example, await work.install(example, packages[example]))
  })

  beforeEach(() => redis.client().flushall())

  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.close('SIGKILL')))
  })

  function start(example: Example, node = process.execPath): ServingProgram {
    const env = { NODE_ENV: 'test', REDIS_URL: redis.url, SESSION_SECRET: 'secret', STAFF_PASSWORD: 'password' }
    const program = new ServingProgram(node, PROGRAMS[example], folderOf(example), env)
    programs.push(program)
    return program
  }

  function folderOf(example: string): string {
    return folders.get(example) ?? ''
  }

  it.each(nodes)('express-redis serves, and lets staff delete, on Node %s', async (version) => {
    const program = start('express-redis', nodeProgram(version))
    const address = await program.url()
    const visitor = new HttpClient(address)
    const read = async (): Promise<unknown> => [
      await jsonOf(visitor, '/products/1'),
      await jsonOf(visitor, '/products/1/reviews'),
    ]
    const reviews = [{ stars: 5, text: 'Does not drip' }]
    const before = [{ id: '1', name: 'Teapot', price: 30 }, reviews]
    expect(await read()).toEqual(before)
    expect((await visitor.get('/products/none')).status).toBe(404)
    expect(await storedKeys('shop')).toEqual(['product::1', 'product::1::reviews', 'product::none'])
    expect(await read()).toEqual(before)
    const change = { name: 'Kettle', price: 40 }
    expect((await put(visitor, '/products/1', change)).status).toBe(403)

    const staff = await signedIn(address)
    expect((await put(staff, '/products/1', {})).status).toBe(400)
    expect((await put(staff, '/products/1', change)).status).toBe(204)
    expect(await storedKeys('shop')).toEqual(['product::none'])
    expect(await read()).toEqual([{ id: '1', ...change }, reviews])
    const done = await confirm(staff, '/cache/delete?mode=tree&key=product::1', { origin: address })
    expect(await bannerAfter(staff, done)).toContain('2 keys')
    expect(await storedKeys('shop')).toEqual(['product::none'])
    await endsWell(program)
  })

  it('express-redis takes from its proxy by which protocol and for which host it was asked', async () => {
    const address = await start('express-redis').url()
    const proxied = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' }
    const staff = new HttpClient(address)
    const cookie = async (headers: Record<string, string>): Promise<string | null> =>
      (await staff.post('/accounts/login', { password: 'password' }, headers)).headers.get('set-cookie')
    expect(await cookie({})).not.toMatch(/; Secure/)
    expect(await cookie(proxied)).toMatch(/; Secure/)
    await staff.get('/products/1')
    const deletedFrom = async (origin: string): Promise<number> =>
      (await confirm(staff, '/cache/delete?mode=one&key=product::1', { ...proxied, origin })).status
    expect(await deletedFrom(address)).toBe(403)
    expect(await deletedFrom('https://shop.example')).toBe(303)
  })

  it('express-redis goes on without Redis, and tells of a delete that was not carried out', async () => {
    const address = await start('express-redis').url()
    const staff = await signedIn(address)
    await redis.kill()
    try {
      expect((await staff.get('/products/1')).status).toBe(200)
      expect((await put(staff, '/products/1', { name: 'Kettle', price: 40 })).status).toBe(500)
      expect(await jsonOf(staff, '/products/1')).toMatchObject({ name: 'Kettle' })
    } finally {
      await redis.restart()
    }
  })

  it.each(nodes)('typescript-sessions shares sessions and the cache, on Node %s', async (version) => {
    const [program, other] = [
      start('typescript-sessions', nodeProgram(version)),
      start('typescript-sessions', nodeProgram(version)),
    ]
    const [address, otherAddress] = await Promise.all([program.url(), other.url()])
    const visitor = new HttpClient(address)
    expect(await jsonOf(visitor, '/articles/1')).toMatchObject({ minutes: 3 })
    expect((await visitor.get('/articles/2')).status).toBe(404)
    const weather = await jsonOf(visitor, '/weather/Praha')
    expect(await jsonOf(new HttpClient(otherAddress), '/weather/Praha')).toEqual(weather)
    expect(await storedKeys('news')).toEqual(['Article::1', 'func::weatherIn::"Praha"'])
    const change = { method: 'PUT', body: 'Short.', headers: { 'content-type': 'text/plain' } }
    expect((await visitor.request('/articles/1', change)).status).toBe(403)

    const staff = await signedIn(address)
    expect(await redis.client().keys('news-session:*')).toHaveLength(1)
    expect((await staff.request('/articles/1', change)).status).toBe(204)
    expect(await jsonOf(visitor, '/articles/1')).toEqual({ text: 'Short.', minutes: 1 })
    const cookie = Array.from(staff.cookies, ([name, value]) => `${name}=${value}`).join()
    const elsewhere = new HttpClient(otherAddress)
    expect((await elsewhere.get('/cache/', { cookie })).status).toBe(200)
    const done = await confirm(staff, '/cache/delete?mode=tree&key=func', { origin: address })
    expect(await bannerAfter(staff, done)).toContain('1 key')
    expect(await storedKeys('news')).toEqual(['Article::1'])
    await Promise.all([endsWell(program), endsWell(other)])
  })

  describe('database', () => {
    beforeEach(async () => {
      for (const file of ['stock.db', 'stock.db-wal', 'stock.db-shm'])
        await rm(join(folderOf('database'), file), { force: true })
    })

    it.each(nodes.filter((version) => Number(version) >= 22))(
      'sells for all processes, on Node %s',
      async (version) => {
        const program = start('database', nodeProgram(version))
        const shop = new HttpClient(await program.url())
        const otherProgram = start('database', nodeProgram(version))
        const other = new HttpClient(await otherProgram.url())
        const stock = async (client: HttpClient): Promise<unknown> => [
          (await jsonOf(client, '/products/1'))['stock'],
          ...Object.values(await jsonOf(client, '/categories/tea')).map(
            (product) => (product as { stock: number }).stock,
          ),
        ]
        expect(await stock(shop)).toEqual([3, 10, 3])
        expect(await stock(other)).toEqual([3, 10, 3])
        expect(await storedKeys('stock')).toEqual(['func::findProduct::1', 'func::productsOf::"tea"'])
        expect((await sale(other, 2)).status).toBe(204)
        expect(await storedKeys('stock')).toEqual([])
        expect(await stock(shop)).toEqual([1, 10, 1])
        expect((await sale(shop, 2)).status).toBe(409)
        expect((await sale(shop, -1)).status).toBe(400)
        expect((await shop.get('/products/9')).status).toBe(404)
        await Promise.all([endsWell(program), endsWell(otherProgram)])
      },
    )

    it('sells also where Redis does not answer, and deletes when it does', async () => {
      const program = start('database', nodeProgram('22'))
      const shop = new HttpClient(await program.url())
      await jsonOf(shop, '/products/1')
      expect(await storedKeys('stock')).toEqual(['func::findProduct::1'])
      redis.stop()
      try {
        expect((await sale(shop, 2)).status).toBe(204)
      } finally {
        redis.resume()
      }
      expect(program.output).toContain('Others may still read the old stock')
      await until(async () => (await storedKeys('stock')).length === 0, 'the delete is carried out')
      expect(await jsonOf(shop, '/products/1')).toMatchObject({ stock: 1 })
    })
  })

  it.each(nodes)('nestjs serves, guards and lets staff delete, on Node %s', async (version) => {
    const program = start('nestjs', nodeProgram(version))
    const address = await program.url()
    const visitor = new HttpClient(address)
    expect(await jsonOf(visitor, '/products/1')).toEqual({ id: '1', name: 'Teapot' })
    expect((await visitor.get('/products/none')).status).toBe(404)
    expect((await put(visitor, '/products/1', { name: 'Kettle' })).status).toBe(403)

    const staff = await signedIn(address)
    expect((await put(staff, '/products/1', {})).status).toBe(400)
    expect((await put(staff, '/products/1', { name: 'Kettle' })).status).toBe(204)
    expect(await storedKeys('nest-shop')).toEqual(['product::none'])
    expect(await jsonOf(visitor, '/products/1')).toEqual({ id: '1', name: 'Kettle' })
    const done = await confirm(staff, '/cache/delete?mode=tree&key=product', { origin: address })
    expect(await bannerAfter(staff, done)).toContain('2 keys')
    expect(await storedKeys('nest-shop')).toEqual([])
    await endsWell(program)
  })

  it('ends, whichever serves, also where a visitor never sends what it has begun', async () => {
    const ends = (Object.keys(PROGRAMS) as Example[]).map(async (example) => {
      const program = start(example, nodeProgram('24'))
      const address = await program.url()
      const cut = await (example === 'database'
        ? neverSending(`${address}/products/1/sales`, 'application/json')
        : neverSending(`${address}/accounts/login`, 'application/x-www-form-urlencoded'))
      // NestJS sends itself the signal again
      expect(await program.close(), example).toBe(example === 'nestjs' ? null : 0)
      await cut.promise
    })
    await Promise.all(ends)
  })

  it.each([
    ['express-redis', 'shop'],
    ['nestjs', 'nest-shop'],
  ] as const)('%s answers what it was asked before it ends', async (example, keyPrefix) => {
    const program = start(example)
    const address = await program.url()
    const answer = new HttpClient(address).get('/products/1')
    const hasBegun = async (): Promise<boolean> =>
      (await redis.client().keys(`${keyPrefix}:*`)).some((name) => /:(?:leases|v):/.test(name))
    await until(hasBegun, 'the query has begun')
    await program.close()
    expect((await answer).status).toBe(200)
  })

  it.each(['vitest', 'jest'])('user-tests passes by %s', async (runner) => {
    const { VITEST: _, NODE_OPTIONS: __, NODE_ENV: ___, ...env } = process.env
    const { stdout, stderr } = await promisify(execFile)('npm', ['run', `test:${runner}`], {
      cwd: folderOf('user-tests'),
      env,
    })
    const output = stripVTControlCharacters(stdout + stderr)
    expect(output).toMatch(/^ *Tests:? +5 passed/m)
    expect(output).not.toMatch(/KEYEDCACHE_|did not exit|open handle/i)
  })
})

/** The keys that a cache has in Redis. */
async function storedKeys(keyPrefix: string): Promise<string[]> {
  const names = await redis.client().keys(`${keyPrefix}:v:*`)
  return names.map((name) => name.slice(`${keyPrefix}:v:`.length)).toSorted()
}

async function jsonOf(client: HttpClient, path: string): Promise<Record<string, unknown>> {
  const response = await client.get(path)
  expect(response.status, path).toBe(200)
  return (await response.json()) as Record<string, unknown>
}

async function put(client: HttpClient, path: string, body: object): Promise<Response> {
  return client.request(path, json('PUT', body))
}

async function sale(client: HttpClient, count: number): Promise<Response> {
  return client.request('/products/1/sales', json('POST', { count }))
}

function json(method: string, body: object): RequestInit {
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
}

/** Signs in as staff, who alone may see the dashboard. */
async function signedIn(address: string): Promise<HttpClient> {
  const staff = new HttpClient(address)
  const leadsTo = async (password: string): Promise<string | null> =>
    (await staff.post('/accounts/login', { password })).headers.get('location')
  expect((await staff.get('/cache/')).headers.get('location')).toMatch(/^\/accounts\/login\?/)
  expect((await staff.get('/accounts/login')).status).toBe(200)
  expect(await leadsTo('wrong')).toBe('/accounts/login')
  expect(await leadsTo('password')).toBe('/cache/')
  expect((await staff.get('/cache/')).status).toBe(200)
  return staff
}

/** Ends by SIGTERM before connections are cut, though visitors keep theirs alive; has complained of nothing. */
async function endsWell(program: ServingProgram): Promise<void> {
  const begunMs = performance.now()
  await program.close()
  expect(performance.now() - begunMs).toBeLessThan(4000)
  expect(program.output).not.toMatch(/error:|unhandled|deprecat|KEYEDCACHE_/i)
}

/** Begins a request whose body never comes. Resolves when the server waits for it; what it gives settles when the server gives up. */
async function neverSending(url: string, type: string): Promise<{ promise: Promise<unknown> }> {
  const headers = { 'content-type': type, 'content-length': 9, expect: '100-continue' }
  const asking = request(url, { method: 'POST', headers })
  asking.flushHeaders()
  await once(asking, 'continue')
  return { promise: once(asking, 'error') }
}
