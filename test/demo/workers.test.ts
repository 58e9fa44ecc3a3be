import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runDemo, startDemo, type DemoServer } from '../support/demo-server.js'
import { HttpClient } from '../support/http-client.js'
import { startProxy } from '../support/proxy.js'
import { startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'

const RIGHT = { username: 'staff', password: 'keyedcache' }

let redis: Awaited<ReturnType<typeof startRedis>>
let demo: DemoServer

beforeAll(async () => {
  redis = await startRedis()
  demo = await startDemo({ REDIS_URL: redis.url, WORKERS: '3' })
}, 90_000)

afterAll(async () => {
  expect(await demo.close()).toBe(0)
  await redis.close()
})

/** Asks again, over a new connection each time, until all three processes have answered; gives their answers. */
async function fromEachProcess(path: string, client = new HttpClient(demo.url)): Promise<Map<string, string>> {
  const answers = new Map<string, string>()
  await until(async () => {
    const response = await client.get(path, { accept: 'text/html', connection: 'close' })
    expect(response.status).toBe(200)
    const worker = response.headers.get('x-demo-process')!
    answers.set(worker, await response.text())
    return answers.size === 3
  }, `three processes have answered ${path}`)
  return answers
}

describe('WORKERS=3 on one Redis', () => {
  it('shares sessions: signed in with one is signed in with all', async () => {
    const staff = new HttpClient(demo.url)
    await staff.post('/accounts/login', { username: 'staff', password: 'keyedcache' })
    for (const page of (await fromEachProcess('/', staff)).values()) expect(page).toContain('Signed in as <b>staff</b>')
  })

  it('shares edits: no process shows the old population afterwards', async () => {
    const client = new HttpClient(demo.url)
    for (const page of (await fromEachProcess('/cities/3067696')).values()) expect(page).toContain('value="1165581"')
    expect((await client.post('/cities/3067696', { population: '1234567' })).status).toBe(303)
    for (const page of (await fromEachProcess('/cities/3067696')).values()) expect(page).toContain('value="1234567"')
    for (const page of (await fromEachProcess('/countries/CZ')).values()) expect(page).toContain('1,234,567')
  })

  it('shares the cache: searched once, found by all', async () => {
    const client = new HttpClient(demo.url)
    const first = (await (await client.get('/nearest?lat=50.08&lon=14.43')).json()) as { ms: number }
    expect(first.ms).toBeGreaterThan(1)
    await fromEachProcess('/nearest?lat=50.08&lon=14.43')
    const staff = new HttpClient(demo.url)
    await staff.post('/accounts/login', { username: 'staff', password: 'keyedcache' })
    const group = await until(async () => {
      const stats = (await (await staff.get('/cache/api/stats')).json()) as {
        groups: { group: string; hits: number; computations: number }[]
      }
      return stats.groups.find((one) => one.group === 'func::nearestCity' && one.hits >= 3)
    }, 'the hits of all processes are counted')
    expect(group).toMatchObject({ computations: 1 })
  })

  it('keeps the secret and the sessions over a restart, and replaces a process that dies', async () => {
    const staff = new HttpClient(demo.url)
    await staff.post('/accounts/login', { username: 'staff', password: 'keyedcache' })
    const other = await startDemo({ REDIS_URL: redis.url })
    try {
      const cookie = `demo.sid=${staff.cookies.get('demo.sid')}`
      expect((await new HttpClient(other.url).get('/cache/', { cookie })).status).toBe(200)
    } finally {
      expect(await other.close()).toBe(0)
    }

    const before = await fromEachProcess('/', staff)
    process.kill(Number([...before.keys()][0]), 'SIGKILL')
    await until(() => /has ended/.test(demo.output()), 'the end was noticed')
    const after = await fromEachProcess('/', staff)
    expect([...after.keys()].filter((worker) => !before.has(worker))).toHaveLength(1)
    for (const page of after.values()) expect(page).toContain('Signed in as <b>staff</b>')
  })
})

describe('several processes for a port that is taken', () => {
  it('say so in one sentence', async () => {
    const taken = await runDemo({ REDIS_URL: redis.url, WORKERS: '3', PORT: new URL(demo.url).port })
    expect(taken.code).toBe(1)
    expect(taken.output).toMatch(/^Another program listens on port \d+ .*\n$/)
  })
})

describe('the demo without its Redis', () => {
  it('still answers, keeps those signed in who were, and says that the store is away', async () => {
    const own = await startRedis()
    const program = await startDemo({ REDIS_URL: own.url })
    try {
      const staff = new HttpClient(program.url)
      await staff.post('/accounts/login', { username: 'staff', password: 'keyedcache' })
      await staff.post('/cities/3067696', { population: '42' })
      await own.kill()

      expect((await staff.get('/nearest?lat=1&lon=1')).status).toBe(200)
      expect(await (await staff.get('/cities/3067696')).json()).toMatchObject({ population: 42 })
      expect((await staff.get('/countries/CZ')).status).toBe(200)
      expect((await staff.get('/cache/')).status).toBe(200)
      expect((await staff.post('/cities/3067696', { population: '43' })).status).toBe(503)
      await until(async () => (await (await staff.get('/')).text()).includes('does not answer'), 'the page says so')
    } finally {
      expect(await program.close()).toBe(0)
      await own.close()
    }
  })

  it('lets staff sign in and out, whose sessions end in Redis too as soon as that answers again', async () => {
    const own = await startRedis()
    const line = await startProxy(own.port)
    const program = await startDemo({ REDIS_URL: line.url })
    const sessions = (): Promise<string[]> => own.client().keys('keyedcache-demo:session:*')
    try {
      const staff = new HttpClient(program.url)
      await staff.post('/accounts/login', RIGHT)
      const cookie = `demo.sid=${staff.cookies.get('demo.sid')}`
      expect(await sessions()).toHaveLength(1)
      const [mine] = await sessions()
      line.refusing = true

      const other = new HttpClient(program.url)
      expect((await other.post('/accounts/login', RIGHT)).status).toBe(303)
      expect((await other.get('/cache/')).status).toBe(200)
      expect((await other.post('/accounts/login', RIGHT)).status).toBe(303)

      expect((await staff.post('/accounts/logout')).status).toBe(303)
      expect(staff.cookies.has('demo.sid')).toBe(false)
      expect((await staff.get('/cache/', { cookie })).status).toBe(303)
      expect(await sessions()).toEqual([mine])

      line.refusing = false
      const isTold = async (): Promise<boolean> => {
        const [theirs, ...more] = await sessions()
        return theirs !== mine && more.length === 0
      }
      await until(isTold, 'Redis has the one session in place of the other')
      expect((await staff.get('/cache/', { cookie })).status).toBe(303)
      expect((await other.get('/cache/')).status).toBe(200)
    } finally {
      expect(await program.close()).toBe(0)
      await line.close()
      await own.close()
    }
  })

  it('starts all the same', async () => {
    const own = await startRedis()
    await own.kill()
    const program = await startDemo({ REDIS_URL: own.url, WORKERS: '2' })
    try {
      expect((await new HttpClient(program.url).get('/nearest?lat=1&lon=1')).status).toBe(200)
    } finally {
      expect(await program.close()).toBe(0)
      await own.close()
    }
  })
})
