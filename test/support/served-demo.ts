import type { Express } from 'express'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { createApp, type Demo } from '../../src/demo/app.js'
import { readConfig } from '../../src/demo/config.js'
import { HttpClient } from './http-client.js'
import { listen, type Listening } from './listen.js'

/** The password of everybody in the demo. */
export const PASSWORD = 'keyedcache'

/** The demo with its defaults and without Redis, in the process of the tests. */
export interface ServedDemo {
  readonly app: Express
  /** Without a slash at the end. */
  readonly url: string
  /** A visitor whom nobody knows yet. */
  client(): HttpClient
  /** A visitor who has signed in, by default staff. */
  signedIn(username?: string): Promise<HttpClient>
}

/** For the top of a test file: serves the demo to all its tests. */
export function servedDemo(): ServedDemo {
  let demo: Demo
  let server: Listening
  beforeAll(async () => {
    vi.stubEnv('REDIS_URL', undefined)
    demo = await createApp(readConfig({}))
    server = await listen(demo.app)
  })
  afterAll(async () => {
    await server.close()
    await demo.close()
    vi.unstubAllEnvs()
  })
  const client = (): HttpClient => new HttpClient(server.url)
  return {
    get app() {
      return demo.app
    },
    get url() {
      return server.url
    },
    client,
    async signedIn(username = 'staff') {
      const visitor = client()
      expect((await visitor.post('/accounts/login', { username, password: PASSWORD })).status).toBe(303)
      return visitor
    },
  }
}
