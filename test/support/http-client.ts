/** Asks one server as one visitor: keeps the cookies it is given, follows no redirect by itself. */
export class HttpClient {
  readonly #base: string
  readonly #cookies = new Map<string, string>()

  /** @param base the server's URL, without a slash at the end */
  constructor(base: string) {
    this.#base = base
  }

  /** The cookies kept, by name. */
  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.request(path, { headers })
  }

  /** Sends a form as a browser does: names and values, urlencoded. */
  async post(
    path: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.request(path, { method: 'POST', body: new URLSearchParams(fields), headers })
  }

  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (this.#cookies.size > 0 && !headers.has('cookie')) {
      headers.set('cookie', Array.from(this.#cookies, ([name, value]) => `${name}=${value}`).join('; '))
    }
    const response = await fetch(new URL(path, this.#base), { ...init, headers, redirect: 'manual' })
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie)
    return response
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split(';').map((text) => text.trim())
    const name = pair.slice(0, pair.indexOf('='))
    const isEnded = attributes.some((attribute) => {
      const [key = '', value = ''] = attribute.split('=')
      return (
        (/^max-age$/i.test(key) && Number(value) <= 0) || (/^expires$/i.test(key) && Date.parse(value) <= Date.now())
      )
    })
    if (isEnded) this.#cookies.delete(name)
    else this.#cookies.set(name, pair.slice(name.length + 1))
  }
}
