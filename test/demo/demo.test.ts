import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/demo/config.js'
import { caches } from '../../src/index.js'
import { linksOf, textOf, unescaped } from '../support/dashboard.js'
import { runDemo, startDemo } from '../support/demo-server.js'
import { HttpClient } from '../support/http-client.js'
import { servedDemo } from '../support/served-demo.js'

const demo = servedDemo()
const { client, signedIn } = demo
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

async function json(response: Response): Promise<any> {
  return response.json()
}

/** What stands in the fields of a page's forms, by their names. */
function typedIn(html: string): Record<string, string> {
  const fields = html.matchAll(/<input [^>]*name="(\w+)" value="([^"]*)"/g)
  return Object.fromEntries(Array.from(fields, ([, name = '', value = '']) => [name, unescaped(value)]))
}

describe('GET /nearest', () => {
  it('gives the city, its country and the distance', async () => {
    const answer = await client().get('/nearest?lat=50.088&lon=14.4208')
    expect(answer.status).toBe(200)
    expect(await json(answer)).toEqual({
      city: 'Prague',
      country: 'CZ',
      km: expect.closeTo(0.0053, 4),
      ms: expect.any(Number),
    })
  })

  it('is a page under /search, which says whether it was a hit, with ways on and back', async () => {
    const path = '/search?lat=48.2&lon=16.37'
    const first = textOf(await (await client().get(path, BROWSER)).text())
    expect(first).toMatch(
      /Vienna, Austria .* at [\d.]+ km \. Computed : answered in [\d.]+ ms, by searching all the cities/,
    )
    const answer = await client().get(path, BROWSER)
    const html = await answer.text()
    expect(answer.status).toBe(200)
    expect(textOf(html)).toMatch(/A hit : answered in [\d.]+ ms, from the cache/)
    expect(linksOf(html)).toEqual(
      expect.arrayContaining([path, path.replace('search', 'nearest'), '/', '/countries/AT']),
    )
    const asJson = await client().get('/nearest?lat=48.2&lon=16.37', BROWSER)
    expect(Object.keys(await json(asJson))).toEqual(['city', 'country', 'km', 'ms'])
  })

  it('keeps what was typed wrong in the form of the page', async () => {
    const answer = await client().get('/search?lat=%3Cx%3E&lon=1', BROWSER)
    const html = await answer.text()
    expect([answer.status, textOf(html)]).toEqual([400, expect.stringContaining('Expected lat to be a number')])
    expect(typedIn(html)).toEqual({ lat: '<x>', lon: '1' })
    expect(await json(await client().get('/search?lat=x&lon=1'))).toEqual({
      error: 'Expected lat to be a number from -90 to 90, got "x"',
    })
  })

  it('finds what lies across the date line', async () => {
    const answer = await json(await client().get('/nearest?lat=-16.79&lon=179.999'))
    expect(answer).toMatchObject({ country: 'FJ' })
    expect(await json(await client().get('/nearest?lat=-16.79&lon=-179.999'))).toMatchObject({ city: answer.city })
  })

  it('answers at least 20 times faster from the cache, in the middle of five places', async () => {
    const ratios = []
    for (const lat of [10, 20, 30, 40, 50]) {
      const path = `/nearest?lat=${lat}&lon=15`
      const first = await json(await client().get(path))
      const cachedMs = []
      // On a busy machine any one answer may be interrupted
      for (let i = 0; i < 3; i++) {
        const again = await json(await client().get(path))
        expect({ ...again, ms: 0 }).toEqual({ ...first, ms: 0 })
        cachedMs.push(again.ms)
      }
      ratios.push(first.ms / Math.min(...cachedMs))
    }
    expect(ratios.toSorted((a, b) => a - b)[2]).toBeGreaterThan(20)
  })

  it('takes 50.080 and 50.08 for the same place, under a key that says it', async () => {
    await client().get('/nearest?lat=50.080&lon=%2B14.43')
    expect(await caches().has('func::nearestCity::50.08::14.43')).toBe(true)
  })

  it.each([
    ['lat=abc&lon=1', 'lat to be a number from -90 to 90, got "abc"'],
    ['lat=91&lon=1', 'lat to be a number from -90 to 90, got "91"'],
    ['lat=-90.1&lon=1', 'lat to be a number'],
    ['lat=1&lon=180.5', 'lon to be a number from -180 to 180, got "180.5"'],
    ['lon=1', 'lat is missing'],
    ['lat=1', 'lon is missing'],
    ['', 'lat is missing'],
    ['lat=&lon=1', 'lat to be a number'],
    ['lat=0x10&lon=1', 'lat to be a number'],
    ['lat=%201&lon=1', 'lat to be a number'],
    ['lat=NaN&lon=Infinity', 'lon to be a number'],
    ['lat=1&lat=2&lon=3', 'lat is given more than once'],
    ['lat[x]=1&lon=3', 'lat is missing'],
  ])('refuses %s with the reason', async (query, reason) => {
    const answer = await client().get(`/nearest?${query}`)
    expect(answer.status).toBe(400)
    expect((await json(answer)).error).toContain(reason)
  })
})

describe('cities and countries', () => {
  it('shows an edited population at once, in the city and in its country', async () => {
    const visitor = client()
    const before = await json(await visitor.get('/cities/3067696'))
    expect(before).toMatchObject({ id: 3067696, name: 'Prague', country: 'CZ', population: 1165581 })
    expect((await json(await visitor.get('/countries/cz'))).largest[0]).toEqual({
      id: 3067696,
      name: 'Prague',
      population: 1165581,
    })

    const edit = await visitor.post('/cities/3067696', { population: '1400000' })
    expect(edit.status).toBe(303)
    expect(edit.headers.get('location')).toBe('/cities/3067696')

    expect(await json(await visitor.get('/cities/3067696'))).toMatchObject({ population: 1400000 })
    expect((await json(await visitor.get('/countries/CZ'))).largest[0]).toMatchObject({ population: 1400000 })
  })

  it('keeps a city under its class name and id, and deletes it when it is edited', async () => {
    const visitor = client()
    await visitor.get('/cities/2950159')
    expect(await caches().has('City::2950159')).toBe(true)
    await visitor.post('/cities/2950159', { population: '3500000' })
    expect(await caches().has('City::2950159')).toBe(false)
  })

  it('keeps the rank of each city below its country, and deletes all of them when one is edited', async () => {
    const visitor = client()
    expect(await json(await visitor.get('/cities/3413829'))).toMatchObject({ name: 'Reykjavík', rank: { place: 1 } })
    await visitor.get('/cities/3415212')
    await visitor.get('/countries/IS')
    expect((await caches().keys('country::IS')).keys).toEqual([
      'country::IS',
      'country::IS::3413829',
      'country::IS::3415212',
    ])
    const key = Buffer.from('country::IS').toString('base64url')
    const page = textOf(await (await (await signedIn()).get(`/cache/key?k=${key}`)).text())
    expect(page).toContain('Below it 2 keys')
    expect(page).toContain('Delete this key and its 2 children')

    await visitor.post('/cities/3415212', { population: '9000000' })
    expect((await caches().keys('country::IS')).keys).toEqual([])
    expect(await json(await visitor.get('/cities/3413829'))).toMatchObject({ rank: { place: 2 } })
    expect(await json(await visitor.get('/cities/3415212'))).toMatchObject({ rank: { place: 1 } })
  })

  it('reads a country twice in one request, the second time from the request’s own Map', async () => {
    await client().get('/countries/IS')
    const before = await caches().stats()
    await client().get('/countries/IS')
    const after = await caches().stats()
    expect(after.hitsBy.request - before.hitsBy.request).toBe(1)
    expect(after.hitsBy.store - before.hitsBy.store).toBe(1)
  })

  it('says no to a city or country that is not there, and keeps nothing of it', async () => {
    const before = await caches().count()
    for (const path of ['/cities/1', '/cities/abc', '/cities/99999999999', '/countries/XX', '/countries/a%3A%3Ab']) {
      const answer = await client().get(path)
      expect([path, answer.status]).toEqual([path, 404])
    }
    expect(await caches().count()).toBe(before)
  })

  it.each(['', '-1', '1.5', '1e3', 'many', '99999999999'])('refuses the population %j', async (population) => {
    const answer = await client().post('/cities/3067696', { population })
    expect(answer.status).toBe(400)
    expect((await json(answer)).error).toContain('population')
  })

  it('keeps in the form what was not saved, with the reason', async () => {
    const answer = await client().post('/cities/2643743', { population: '1 <b>' }, BROWSER)
    const html = await answer.text()
    expect(answer.status).toBe(400)
    expect(textOf(html)).toMatch(/London .* Expected the population to be a whole number/)
    expect(typedIn(html)).toEqual({ population: '1 <b>' })
  })

  it('calls countries by their names', async () => {
    expect(textOf(await (await client().get('/countries/IS', BROWSER)).text())).toContain('Iceland')
    expect(textOf(await (await client().get('/cities/3413829', BROWSER)).text())).toContain('cities in Iceland')
  })

  it.each<Record<string, string>>([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://elsewhere.example' },
    { origin: 'null' },
  ])('refuses a form that comes with %j', async (headers) => {
    const answer = await client().post('/cities/3067696', { population: '1' }, headers)
    expect(answer.status).toBe(403)
    expect(await json(await client().get('/cities/3067696'))).not.toMatchObject({ population: 1 })
  })

  it('shows browsers a page, with what came from a request as text', async () => {
    const answer = await client().get('/cities/2643743', { accept: 'text/html' })
    expect(answer.headers.get('content-type')).toContain('text/html')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await answer.text()).toContain('London')
  })
})

describe('the front page', () => {
  it('says what was a hit', async () => {
    await client().get('/nearest?lat=-33.9&lon=18.4')
    await client().get('/nearest?lat=-33.9&lon=18.4')
    const page = await (await client().get('/')).text()
    expect(page).toMatch(/func::nearestCity::-33\.9::18\.4<\/code><\/td><td>hit: the store/)
    expect(page).toMatch(/func::nearestCity::-33\.9::18\.4<\/code><\/td><td>computed in \d/)
  })

  it('says where hits came from, and nothing of where none came from', async () => {
    const page = textOf(await (await client().get('/')).text())
    expect(page).toMatch(/\d+ calls?, \d+ hits?: \d+ by .*by the store/)
    expect(page).not.toMatch(/\b0 by|Redis was away/)
  })
})

describe('the dashboard of the demo', () => {
  it('opens for staff, not for the visitor, and sends strangers to sign in', async () => {
    expect((await (await signedIn('staff')).get('/cache/')).status).toBe(200)
    expect((await (await signedIn('visitor')).get('/cache/')).status).toBe(403)
    const stranger = await client().get('/cache/')
    expect(stranger.status).toBe(303)
    expect(stranger.headers.get('location')).toContain('/accounts/login')
  })
})

describe('pages that are not there', () => {
  it('are a 404 with a sentence', async () => {
    const answer = await client().get('/nothing')
    expect(answer.status).toBe(404)
    expect(await json(answer)).toEqual({ error: 'There is no such page' })
    expect((await client().get('/cities/%E0')).status).toBe(400)
  })
})

describe('programs that take nothing of what there is', () => {
  it.each(['/cities/3067696', '/countries/CZ', '/nothing', '/cities/1', '/nearest?lat=1&lon=1', '/cities/%E0'])(
    'get JSON from %s all the same, and no stack',
    async (path) => {
      const asJson = await client().get(path)
      const answer = await client().get(path, { accept: 'image/png' })
      const { ms: _ms, ...body } = await json(answer)
      const { ms: _other, ...expected } = await json(asJson)
      expect([answer.status, body]).toEqual([asJson.status, expected])
    },
  )
})

describe('the variables of the demo', () => {
  it('need not be set', () => {
    expect(readConfig({})).toEqual({
      port: 3000,
      workers: 1,
      redisUrl: undefined,
      password: 'keyedcache',
      isDefaultPassword: true,
      sessionSecret: undefined,
    })
    expect(readConfig({ PORT: '', REDIS_URL: '', WORKERS: '', DEMO_PASSWORD: '', SESSION_SECRET: '' })).toEqual(
      readConfig({}),
    )
  })

  it.each([
    [{ PORT: 'http' }, 'Expected PORT to be a whole number from 0 to 65535, got "http"'],
    [{ PORT: '65536' }, 'PORT'],
    [{ PORT: '80.5' }, 'PORT'],
    [{ WORKERS: '0' }, 'Expected WORKERS to be a whole number from 1 to 64, got "0"'],
    [{ WORKERS: '4' }, 'WORKERS=4 needs REDIS_URL'],
    [{ REDIS_URL: 'localhost' }, 'REDIS_URL'],
    [{ REDIS_URL: 'http://localhost' }, 'REDIS_URL'],
    [{ SESSION_SECRET: 'short' }, 'SESSION_SECRET'],
    [{ NODE_ENV: 'production' }, 'DEMO_PASSWORD'],
    [{ NODE_ENV: 'production', DEMO_PASSWORD: 'keyedcache' }, 'DEMO_PASSWORD'],
  ])('are refused by name: %j', (env, reason) => {
    expect(() => readConfig(env)).toThrow(TypeError)
    expect(() => readConfig(env)).toThrow(reason)
  })

  it('do not show what is secret when they are refused', () => {
    expect(() => readConfig({ REDIS_URL: 'redis//:hunter2@localhost' })).toThrow(/^(?!.*hunter2)/)
    expect(() => readConfig({ SESSION_SECRET: 'hunter2' })).toThrow(/^(?!.*hunter2)/)
  })
})

describe('the program', () => {
  it('starts without any configuration, says where and who, and ends cleanly', async () => {
    const program = await startDemo()
    expect(program.output()).toContain('"staff"')
    expect(program.output()).toContain('"visitor"')
    expect(program.output()).toContain('Password: keyedcache')
    expect((await new HttpClient(program.url).get('/')).status).toBe(200)
    expect(await program.close()).toBe(0)
    expect(program.output().trim().split('\n')).toHaveLength(3)
  })

  it('says once in production that without REDIS_URL its cache is its own', async () => {
    const program = await startDemo({ NODE_ENV: 'production', DEMO_PASSWORD: 'another one' })
    const visitor = new HttpClient(program.url)
    for (const path of ['/', '/accounts/login']) {
      const answer = await visitor.get(path)
      expect([answer.status, await answer.text()]).toEqual([200, expect.not.stringContaining('another one')])
    }
    expect(await program.close()).toBe(0)
    expect(program.output().match(/\[KEYEDCACHE_\w+\]/g)).toEqual(['[KEYEDCACHE_EMBEDDED]'])
    expect(program.output()).toMatch(/'default' is kept in each process.*since REDIS_URL is not set: set it to/)
  })

  it('stops with a sentence when it cannot run', async () => {
    const alone = await runDemo({ WORKERS: '2' })
    expect(alone.code).toBe(1)
    expect(alone.output).toMatch(/^WORKERS=2 needs REDIS_URL.*\n$/)

    const port = new URL(demo.url).port
    const taken = await runDemo({ PORT: port })
    expect(taken.code).toBe(1)
    expect(taken.output).toMatch(
      /^Another program listens on port \d+ \(EADDRINUSE\): set PORT to another one[^\n]*\n$/,
    )
  })
})
