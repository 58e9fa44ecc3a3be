import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'

const file = (name: string): string => fileURLToPath(new URL(`../../../support/tls/${name}`, import.meta.url))
const TLS_PORT = 25_000 + Math.floor(Math.random() * 3000)
const QUIET = { info: () => {}, warn: () => {}, error: () => {} }

let server: RedisServer
beforeAll(async () => {
  const keys = ['--tls-cert-file', file('server.crt'), '--tls-key-file', file('server.key')]
  server = await startRedis({ args: ['--tls-port', `${TLS_PORT}`, ...keys, '--tls-auth-clients', 'no'] })
})
afterAll(() => server.close())

const uncaught: Error[] = []
const note = (error: Error): void => void uncaught.push(error)
afterEach(() => process.off('uncaughtException', note))

test.each<[string, string | string[]]>([
  ['one server', `rediss://localhost:${TLS_PORT}`],
  ['a Cluster', [`rediss://localhost:${TLS_PORT}`]],
])('Caches that are closed during a TLS handshake that fails end nothing: %s', async (_what, redis) => {
  process.on('uncaughtException', note)
  for (let round = 0; round < 4; round++) {
    const caches = Array.from({ length: 15 }, () =>
      createKeyedCache({ redis, keyPrefix: freshPrefix(), logger: QUIET }),
    )
    // eslint-disable-next-line no-await-in-loop -- some are within their handshakes at any moment
    await Promise.all(caches.map((cache, i) => delay(2 * i).then(() => cache.close())))
    await delay(20) // eslint-disable-line no-await-in-loop
  }
  expect(uncaught).toEqual([])
})
