import type { BrowserContextOptions, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { violations } from '../support/axe.js'
import { PASSWORD, servedDemo } from '../support/served-demo.js'
import { visiting } from '../support/visiting.js'
import type { Visitor } from '../support/visitor.js'

const demo = servedDemo()
const visitor = visiting()

async function stranger(options: BrowserContextOptions = {}): Promise<Visitor> {
  return visitor({ baseURL: demo.url, ...options })
}

async function signIn(page: Page, name: string, password: string = PASSWORD): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click()
}

function pathOf(page: Page): string {
  const { pathname, search } = new URL(page.url())
  return pathname + search
}

describe('sign-in', () => {
  it.each(['/cache/keys?prefix=product%3A%3A42&view=tree', '/cache/key?k=cHJvZHVjdA&as=hex', '/cache/delete?mode=all'])(
    'L1: who asks for %s and signs in lands there',
    async (path) => {
      const { page, complaints } = await stranger()
      await page.goto(path)
      expect(new URL(page.url()).pathname).toBe('/accounts/login')
      await signIn(page, 'staff')
      expect(pathOf(page)).toBe(path)
      expect(await page.getByText('Signed in as staff').isVisible()).toBe(true)
      expect(complaints).toEqual([])
    },
  )

  it('L2: a session that was planted before sign-in is not the one that is signed in', async () => {
    const planted = demo.client()
    // an identifier that the server knows, as a visitor has who signed in and out of staff
    await planted.post('/accounts/login', { username: 'visitor', password: PASSWORD })
    const before = planted.cookies.get('demo.sid')
    expect(before).toBeDefined()

    const { context, page } = await stranger()
    await context.addCookies([{ name: 'demo.sid', value: before ?? '', url: demo.url }])
    await page.goto('/accounts/login')
    await signIn(page, 'staff')
    const after = (await context.cookies()).find(({ name }) => name === 'demo.sid')
    expect(after?.value).not.toBe(before)
    expect((await page.goto('/cache/'))?.status()).toBe(200)
    expect((await planted.get('/cache/')).status).toBe(303)
    expect(planted.cookies.get('demo.sid')).toBe(before)
  })

  it.each([
    'https://evil.example/',
    '//evil.example/',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    '/\tevil',
    '/\t/evil.example',
    '/\n/evil.example',
    '\n//evil.example',
    '/\0/evil.example',
    ' //evil.example',
    '/cache/../../evil',
    `/cache/keys?prefix=${'x'.repeat(3000)}`,
  ])('L3: next=%j does not lead elsewhere', async (next) => {
    const client = demo.client()
    const viaField = await client.post('/accounts/login', { username: 'staff', password: PASSWORD, next })
    const viaQuery = await client.post(`/accounts/login?next=${encodeURIComponent(next)}`, {
      username: 'staff',
      password: PASSWORD,
    })
    for (const answer of [viaField, viaQuery]) {
      expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    }
  })

  it('L4: the sixth wrong try is 429, and the page says how long to wait, as the right password then does not help', async () => {
    const { page } = await stranger()
    const name = 'somebody <b>'
    const statuses: number[] = []
    page.on('response', (answer) => {
      if (answer.request().method() === 'POST') statuses.push(answer.status())
    })
    await page.goto('/accounts/login')
    for (let i = 0; i < 5; i++) {
      await signIn(page, name, 'wrong')
      expect(await page.getByRole('alert').textContent()).toBe('Enter a correct name and password.')
    }
    await signIn(page, name)
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429])
    expect(await page.getByRole('alert').textContent()).toMatch(/^Too many attempts\. Try again in 1[45] minutes\.$/)
    const answer = await demo.client().post('/accounts/login', { username: name, password: 'wrong' })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(14 * 60)
  })

  it('L5: after signing out, Back shows the sign-in page and not the keys', async () => {
    const { page, complaints } = await stranger()
    await page.goto('/cache/keys')
    await signIn(page, 'staff')
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Keys')
    await page.goto('/')
    await page.getByRole('button', { name: 'Sign out' }).click()
    expect(await page.getByText('Signed in as').count()).toBe(0)
    for (let back = 0; back < 3 && new URL(page.url()).pathname !== '/accounts/login'; back++) await page.goBack()
    expect(new URL(page.url()).pathname).toBe('/accounts/login')
    expect(await page.getByText('Signed in as').count()).toBe(0)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in')
    expect(complaints).toEqual([])
  })

  it('L9: the pages say the password that everybody knows', async () => {
    const { page } = await stranger()
    for (const path of ['/accounts/login', '/']) {
      await page.goto(path)
      expect(await page.getByRole('main').getByText(PASSWORD, { exact: true }).isVisible()).toBe(true)
    }
  })

  it('L6: the fields are what a password manager looks for', async () => {
    const { page } = await stranger()
    await page.goto('/accounts/login')
    const name = page.getByLabel('Name')
    const password = page.getByLabel('Password', { exact: true })
    expect(await name.getAttribute('autocomplete')).toBe('username')
    expect(await name.getAttribute('type')).toBeNull()
    expect(await password.getAttribute('autocomplete')).toBe('current-password')
    expect(await password.getAttribute('type')).toBe('password')
    expect(await page.locator('[placeholder]').count()).toBe(0)
    await page.getByLabel('Show password').check()
    expect(await password.getAttribute('type')).toBe('text')
  })

  it.each(['light', 'dark'] as const)('L7: axe has nothing against it, %s', async (colorScheme) => {
    const { page, complaints } = await stranger({ colorScheme })
    await page.goto('/accounts/login')
    expect(await violations(page)).toEqual([])
    await signIn(page, 'nobody', 'wrong')
    expect(await page.getByLabel('Name').inputValue()).toBe('nobody')
    expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('')
    expect(await page.locator(':focus').getAttribute('name')).toBe('password')
    expect(await violations(page)).toEqual([])
    await signIn(page, 'visitor')
    expect((await page.goto('/cache/'))?.status()).toBe(403)
    expect(await page.getByText('Signed in as visitor. This page is for staff.').isVisible()).toBe(true)
    expect(await violations(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  it.each([true, false])(
    'L8: a keyboard is enough to sign in and out, with JavaScript: %s',
    async (javaScriptEnabled) => {
      const { page, complaints } = await stranger({ javaScriptEnabled })
      await page.goto('/cache/keys')
      const { keyboard } = page
      expect(await page.locator(':focus').getAttribute('name')).toBe('username')
      await keyboard.type('staff')
      await keyboard.press('Tab')
      await keyboard.type(PASSWORD)
      await keyboard.press('Enter')
      await page.waitForURL('**/cache/keys')
      await page.goto('/')
      for (let i = 0; i < 20; i++) {
        await keyboard.press('Tab')
        if ((await page.locator(':focus').textContent()) === 'Sign out') break
      }
      await keyboard.press('Enter')
      await page.getByRole('link', { name: 'Sign in' }).waitFor()
      expect((await page.goto('/cache/keys'))?.url()).toContain('/accounts/login')
      expect(complaints).toEqual([])
    },
  )
})
