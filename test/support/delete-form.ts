import { expect } from 'vitest'
import { textOf, unescaped } from './dashboard.js'
import type { HttpClient } from './http-client.js'
import { page } from './serving.js'

/** The form of a preview as a browser sends it: where to, its hidden fields, and what its reader is asked to type. */
export interface DeleteForm {
  readonly path: string
  readonly fields: Record<string, string>
}

/** Loads a preview, and gives its form, filled in. */
export async function previewed(client: HttpClient, path: string): Promise<DeleteForm> {
  const html = await page(client, path)
  const action = /<form method="post" action="([^"]*)"/.exec(html)?.[1]
  expect(action, `a form at ${path}`).toBeDefined()
  const { pathname, search } = new URL(unescaped(action ?? ''), `http://host${path}`)
  const hidden = Array.from(html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g))
  const fields = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, unescaped(value)]))
  const asked = /id="name-to-type">([^<]*)</.exec(html)?.[1]
  return {
    path: pathname + search,
    fields: asked === undefined ? fields : { ...fields, confirmation: unescaped(asked) },
  }
}

/** Previews a deletion and confirms it. */
export async function confirm(
  client: HttpClient,
  path: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const form = await previewed(client, path)
  return client.post(form.path, form.fields, headers)
}

/** What the page says that a deletion leads to. */
export async function bannerAfter(client: HttpClient, response: Response): Promise<string> {
  expect(response.status).toBe(303)
  const { pathname, search } = new URL(response.headers.get('location') ?? '', 'http://host/cache/delete')
  const html = await page(client, pathname + search)
  return textOf(/<div class="notice \w+" role="alert">.*?<\/div>/s.exec(html)?.[0] ?? '')
}

/** What a hidden field of a form holds. */
export function field(html: string, name: string): string {
  return unescaped(new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? '')
}
