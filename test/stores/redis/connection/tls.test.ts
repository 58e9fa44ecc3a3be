import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { RedisOptions } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

const file = (name: string): string => fileURLToPath(new URL(`../../../support/tls/${name}`, import.meta.url))
const CA = readFileSync(file('ca.crt'))
const TLS_PORT = 22_000 + Math.floor(Math.random() * 3000)

let server: RedisServer
const opened: KeyedCache[] = []
beforeAll(async () => {
  server = await startRedis({
    args: [
      '--tls-port',
      `${TLS_PORT}`,
      '--tls-cert-file',
      file('server.crt'),
      '--tls-key-file',
      file('server.key'),
      '--tls-auth-clients',
      'no',
    ],
  })
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})
afterAll(() => server.close())

/** The server's certificate is for `localhost`, signed by a CA that nobody knows. */
function open(redis: string | RedisOptions): { cache: KeyedCache; lines: string[] } {
  const lines: string[] = []
  const log = (line: string): void => void lines.push(line)
  const logger = { info: log, warn: log, error: log }
  const cache = createKeyedCache({ redis, keyPrefix: freshPrefix(), redisTimeout: '1s', logger })
  opened.push(cache)
  return { cache, lines }
}

describe('With TLS', () => {
  test('a cache reaches a server whose certificate it trusts, and hears messages too', async () => {
    const { cache } = open({ host: 'localhost', port: TLS_PORT, tls: { ca: CA } })
    await until(() => cache.set('a', 'secret'), 'the cache answers')
    expect(await cache.get('a')).toBe('secret')
    const clients = String(await server.client().call('CLIENT', 'LIST'))
    expect(clients).toMatch(/name=keyedcache-subscriber/)
  })

  test.each<[string, () => string | RedisOptions]>([
    ['whose certificate nobody vouches for', () => ({ host: 'localhost', port: TLS_PORT, tls: {} })],
    ['whose certificate nobody vouches for, by its URL', () => `rediss://localhost:${TLS_PORT}`],
    ['whose certificate is for another name', () => ({ host: '127.0.0.1', port: TLS_PORT, tls: { ca: CA } })],
    ['that speaks no TLS', () => `rediss://localhost:${server.port}`],
    ['that speaks only TLS, in clear text', () => `redis://localhost:${TLS_PORT}`],
  ])('a server %s is as good as away: nothing is sent to it, and nothing fails', async (_what, redis) => {
    const { cache, lines } = open(redis())
    expect(await cache.set('a', 'canary')).toBe(false)
    expect(await cache.get('a', { default: 'miss' })).toBe('miss')
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    await until(() => lines.length > 0, 'it is told of')
    expect(lines[0]).toMatch(/does not reach/)
    expect((await cache.stats()).backend.up).toBe(false)
    expect(await server.client().keys('*:v:a')).not.toContain('canary')
  })
})
