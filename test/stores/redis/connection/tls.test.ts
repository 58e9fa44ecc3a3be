import type { RedisOptions } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { CA } from '../../../support/certificates.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

let server: RedisServer
const opened: KeyedCache[] = []
beforeAll(async () => {
  server = await startRedis({ tls: true })
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
    const { cache } = open({ host: 'localhost', port: server.tlsPort, tls: { ca: CA } })
    await until(() => cache.set('a', 'secret'), 'the cache answers')
    expect(await cache.get('a')).toBe('secret')
    const clients = String(await server.client().call('CLIENT', 'LIST'))
    expect(clients).toMatch(/name=keyedcache-subscriber/)
  })

  test('a cache finds its server through Sentinels that speak TLS, and speaks TLS to it', async () => {
    const name = 'mymaster'
    const sentinel = await startRedis({
      tls: true,
      args: ['--sentinel', '--tls-replication', 'yes'],
      config: [
        'sentinel resolve-hostnames yes',
        'sentinel announce-hostnames yes',
        `sentinel monitor ${name} localhost ${server.tlsPort} 1`,
        '',
      ].join('\n'),
    })
    try {
      const sentinels = [{ host: 'localhost', port: sentinel.tlsPort }]
      const { cache } = open({ sentinels, name, sentinelTLS: { ca: CA }, tls: { ca: CA } })
      await until(() => cache.set('a', 'secret'), 'the cache answers')
      expect(await cache.get('a')).toBe('secret')
    } finally {
      await sentinel.close()
    }
  })

  test.each<[string, () => string | RedisOptions]>([
    ['whose certificate nobody vouches for', () => ({ host: 'localhost', port: server.tlsPort, tls: {} })],
    ['whose certificate nobody vouches for, by its URL', () => `rediss://localhost:${server.tlsPort}`],
    ['whose certificate is for another name', () => ({ host: '127.0.0.1', port: server.tlsPort, tls: { ca: CA } })],
    ['that speaks no TLS', () => `rediss://localhost:${server.port}`],
    ['that speaks only TLS, in clear text', () => `redis://localhost:${server.tlsPort}`],
  ])('a server %s is as good as away: nothing is sent to it, and nothing fails', async (_what, redis) => {
    const { cache, lines } = open(redis())
    expect(await cache.set('a', 'canary')).toBe(false)
    expect(await cache.get('b', { default: 'miss' })).toBe('miss')
    expect(await cache.getOrSet('c', () => 'computed')).toBe('computed')
    await until(() => lines.length > 0, 'it is told of')
    expect(lines[0]).toMatch(/does not reach/)
    expect((await cache.stats()).backend.up).toBe(false)
    expect(await server.client().keys('*:v:a')).not.toContain('canary')
  })
})
