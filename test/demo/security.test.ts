import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/demo/config.js'
import { nextPath } from '../../src/demo/sign-in/next-path.js'
import { unescaped } from '../support/dashboard.js'
import { PASSWORD, servedDemo } from '../support/served-demo.js'

const RIGHT = { username: 'staff', password: PASSWORD }

const demo = servedDemo()
const { client, signedIn } = demo

describe('the session', () => {
  it('S28 gets a new identifier at sign-in, and one that was planted before is worth nothing', async () => {
    const victim = await signedIn('visitor')
    const planted = victim.cookies.get('demo.sid')
    expect((await victim.post('/accounts/login', RIGHT)).status).toBe(303)
    expect(victim.cookies.get('demo.sid')).not.toBe(planted)
    // it was saved before the answer, so the very next request is staff's
    expect((await victim.get('/cache/')).status).toBe(200)
    expect((await client().get('/cache/', { cookie: `demo.sid=${planted}` })).status).toBe(303)
  })

  it('S28 that somebody made up is not taken over at sign-in', async () => {
    const headers = { cookie: 'demo.sid=s%3Amadeup.signature' }
    const answer = await client().request('/accounts/login', {
      method: 'POST',
      body: new URLSearchParams(RIGHT),
      headers,
    })
    expect(answer.headers.getSetCookie()[0]).toMatch(/^demo\.sid=s%3A(?!madeup)/)
    expect((await client().get('/cache/', headers)).status).toBe(303)
  })

  it('S28 ends by POST only, for whoever has a copy of its cookie too', async () => {
    const staff = await signedIn()
    const got = await staff.get('/accounts/logout')
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await staff.get('/cache/')).status).toBe(200)
    const cookie = staff.cookies.get('demo.sid')
    const out = await staff.post('/accounts/logout')
    expect([out.status, out.headers.get('clear-site-data')]).toEqual([303, null])
    expect(staff.cookies.has('demo.sid')).toBe(false)
    expect((await client().get('/cache/', { cookie: `demo.sid=${cookie}` })).status).toBe(303)
  })

  it('S14 ends with the browser told to forget what it kept, where it came over https', async () => {
    demo.app.set('trust proxy', true)
    try {
      const headers = { 'x-forwarded-proto': 'https' }
      const out = await (await signedIn()).post('/accounts/logout', {}, headers)
      expect(out.headers.get('clear-site-data')).toBe('"cache"')
      expect(out.headers.get('cache-control')).toBe('no-store')
    } finally {
      demo.app.set('trust proxy', false)
    }
  })

  it('S29 has a cookie of its own name that scripts and other sites do not get, and none for those who only look', async () => {
    expect((await client().get('/')).headers.getSetCookie()).toEqual([])
    expect((await client().get('/accounts/login')).headers.getSetCookie()).toEqual([])
    const answer = await client().post('/accounts/login', RIGHT)
    expect(answer.headers.getSetCookie()[0]).toMatch(/^demo\.sid=.*; Path=\/; .*HttpOnly; SameSite=Lax$/)
    demo.app.set('trust proxy', true)
    try {
      const secure = await client().post('/accounts/login', RIGHT, { 'x-forwarded-proto': 'https' })
      expect(secure.headers.getSetCookie()[0]).toMatch(/; Secure/)
    } finally {
      demo.app.set('trust proxy', false)
    }
  })

  it('S29 is signed with a secret of 32 characters or more', () => {
    expect(() => readConfig({ SESSION_SECRET: 'x'.repeat(31) })).toThrow('SESSION_SECRET')
    expect(readConfig({ SESSION_SECRET: 'x'.repeat(32) }).sessionSecret).toHaveLength(32)
  })

  it('S29 is the host’s: the dashboard adds no second one', async () => {
    const staff = await signedIn()
    await staff.get('/cache/delete?mode=all')
    expect(Array.from(staff.cookies.keys())).toEqual(['demo.sid'])
  })
})

describe('where sign-in leads', () => {
  it.each([
    '/',
    '/cache',
    '/cache/',
    '/cache/keys?prefix=func%3A%3AnearestCity&limit=50',
    '/cache/key?k=YWJj',
    '/cities/3067696',
  ])('S30 L3 goes to %s', async (next) => {
    expect((await client().post('/accounts/login', { ...RIGHT, next })).headers.get('location')).toBe(next)
  })

  it.each([
    '//evil.example',
    '/\\evil.example',
    '///evil.example',
    '\\\\evil.example',
    '/cache\\..\\..\\evil.example',
    'https:evil.example',
    'https://evil.example/cache',
    'javascript:alert(1)',
    '/\t/evil.example',
    '/\n/evil.example',
    '\t//evil.example',
    '/cache\0',
    ' /cache',
    '/.//evil.example',
    '/cache/..//evil.example',
    '/cache/%2e%2e//evil.example',
    '/cache//evil.example',
    '/cachet',
    '/accounts/logout',
    'cache',
    `/cache/${'x'.repeat(3000)}`,
  ])('S30 L3 goes to the front page instead of %j', async (next) => {
    expect(nextPath(next)).toBe('/')
    expect((await client().post('/accounts/login', { ...RIGHT, next })).headers.get('location')).toBe('/')
    const html = await (await client().get(`/accounts/login?next=${encodeURIComponent(next)}`)).text()
    expect(html).toContain('name="next" value="/"')
  })

  it('L1 is exactly where the visitor wanted to go', async () => {
    const visitor = client()
    const wanted = '/cache/keys?prefix=product&limit=20'
    const away = await visitor.get(wanted)
    expect(away.status).toBe(303)
    const login = new URL(away.headers.get('location') ?? '', demo.url)
    expect(login.pathname).toBe('/accounts/login')
    const html = await (await visitor.get(login.pathname + login.search)).text()
    const next = unescaped(/name="next" value="([^"]*)"/.exec(html)?.[1] ?? '')
    const answer = await visitor.post('/accounts/login', { ...RIGHT, next })
    expect(answer.headers.get('location')).toBe(wanted)
    expect((await visitor.get(wanted)).status).toBe(200)
  })
})

describe('guessing', () => {
  it('S31 is told the same, in similar time, of an unknown name and of a wrong password', async () => {
    const attempt = async (username: string): Promise<{ html: string; ms: number }> => {
      const startMs = performance.now()
      const answer = await client().post('/accounts/login', { username, password: 'wrong' })
      expect(answer.status).toBe(401)
      const html = (await answer.text()).replaceAll(`value="${username}"`, '')
      return { html, ms: performance.now() - startMs }
    }
    const known = [await attempt('staff'), await attempt('visitor'), await attempt('staff')]
    const unknown = [await attempt('nobody'), await attempt('somebody'), await attempt('anybody')]
    expect(new Set([...known, ...unknown].map(({ html }) => html)).size).toBe(1)
    const middle = (times: { ms: number }[]): number => times.map(({ ms }) => ms).toSorted((a, b) => a - b)[1] ?? 0
    expect(middle(unknown) / middle(known)).toBeGreaterThan(0.3)
    expect(middle(unknown) / middle(known)).toBeLessThan(3)
    await signedIn('staff')
    await signedIn('visitor')
  })

  it('S31 waits after the fifth try in a quarter of an hour, also with the right password, and says how long', async () => {
    const guess = async (password: string, headers = {}): Promise<Response> =>
      client().post('/accounts/login', { username: 'guessed', password }, headers)
    for (let i = 1; i <= 5; i++) expect((await guess(`${i}`)).status).toBe(401)
    for (const headers of [{}, { 'x-forwarded-for': '192.0.2.7' }]) {
      const sixth = await guess('keyedcache', headers)
      expect(sixth.status).toBe(429)
      expect(Number(sixth.headers.get('retry-after'))).toBeGreaterThan(800)
      expect(await sixth.text()).toMatch(/Too many attempts\. Try again in 15 minutes\./)
    }
    await signedIn()
  })

  it('S31 takes fields that are missing, repeated or too long for wrong ones, and no form of another site', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const body of ['', 'username=staff', 'username=staff&username=staff&password=keyedcache', 'username[x]=1'])
      expect((await client().request('/accounts/login', { method: 'POST', body, headers })).status).toBe(401)
    expect((await client().post('/accounts/login', { username: 'x'.repeat(9000) })).status).toBe(413)
    expect((await client().post('/accounts/login', RIGHT, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    await signedIn()
  })

  it('L6 has fields that password managers know, the name kept and the password not', async () => {
    const html = await (await client().get('/accounts/login')).text()
    expect(html).toMatch(
      /<label for="username">Name<\/label>\s*<input id="username" name="username"[^>]*autocomplete="username"/,
    )
    expect(html).toMatch(/<input id="password" name="password" type="password" autocomplete="current-password"/)
    expect(html).not.toContain('placeholder=')
    const again = await (await client().post('/accounts/login', { username: '"><b>', password: 'a wrong one' })).text()
    expect(again).toContain('value="&#34;&gt;&lt;b&gt;"')
    expect(again).not.toContain('a wrong one')
    expect(again).toContain('Enter a correct name and password')
  })
})
