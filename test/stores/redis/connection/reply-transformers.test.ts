import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { commandsDuring } from '../../../support/monitor.js'
import { opening } from '../../../support/told-of.js'
import { until } from '../../../support/until.js'

type Transformer = (reply: unknown) => unknown

/** Those of ioredis itself are of the same list, and ioredis gives no way to read it. */
const { reply: transformers } = (Redis.Command as unknown as Record<string, { reply: Record<string, Transformer> }>)[
  '_transformer'
] as { reply: Record<string, Transformer> }
const original = { ...transformers }

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterEach(() => {
  for (const name of Object.keys(transformers)) delete transformers[name]
  Object.assign(transformers, original)
})
afterAll(() => server.close())
const open = opening()

/** As the README of ioredis shows it. */
function pairs(reply: unknown): unknown {
  const all = reply as string[]
  return all.flatMap((name, i) => (i % 2 === 0 ? [[name, all[i + 1]]] : []))
}

describe('Answers that the application changes for all clients of ioredis', () => {
  test('leave the cache as it is, if it is those to HGETALL', async () => {
    Redis.Command.setReplyTransformer('hgetall', pairs)
    const { cache } = open(server.url, { redisTimeout: '5s' })
    const commands = await commandsDuring(server, () => cache.require())
    expect(commands.length).toBeLessThan(50)
    expect(await cache.set('a', 1)).toBe(true)
    expect(await cache.get('a')).toBe(1)
    expect((await cache.stats()).scope).toBe('fleet')
  })

  test.each(['hget', 'eval'])(
    'are told of, if it is those to %s, without which the cache does not know its keys',
    async (name) => {
      Redis.Command.setReplyTransformer(name, (reply) => ({ reply }))
      await server.client().script('FLUSH')
      const { cache } = open(server.url)
      await until(() => /setReplyTransformer/.test(cache.backend.error ?? ''), 'the reason is known')
      expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    },
  )

  test.each(['get', 'mget'])('are told of, if it is those to %s, and never taken for a value', async (name) => {
    const { cache, errors } = open(server.url, { redisTimeout: '5s' })
    await cache.setMany([['a', 1], ['b', 2]]) // prettier-ignore
    Redis.Command.setReplyTransformer(name, (reply) => ({ reply }))
    const found = name === 'get' ? [await cache.get('a', { default: undefined })] : await cache.getMany(['a', 'b'])
    expect(new Set(found)).toEqual(new Set([undefined]))
    expect(String(errors[0]?.error)).toMatch(new RegExp(`${name}.*setReplyTransformer`, 'i'))
    if (name === 'get') await expect(cache.require()).rejects.toThrow(/GET.*setReplyTransformer/)
  })
})
