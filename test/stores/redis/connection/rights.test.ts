import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { opening, type Telling } from '../../../support/told-of.js'
import { until } from '../../../support/until.js'
import { warningsDuring } from '../../../support/warnings.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
const openRedis = opening()

async function openAs(user: string, rights: readonly string[], options: KeyedCacheOptions = {}): Promise<Telling> {
  await server.client().acl('SETUSER', user, 'reset', 'on', '>password', '~*', '&*', '+@all', ...rights)
  const { port } = server
  return openRedis(
    { host: '127.0.0.1', port, username: user, password: 'password' },
    { redisTimeout: '5s', ...options },
  )
}

describe('A Redis user without the right', () => {
  test.each(['dbsize', 'info', 'hgetall'])('to %s uses the cache all the same', async (command) => {
    const { cache, errors, lines } = await openAs(command, [`-${command}`])
    await cache.require()
    expect(await cache.set('a', 1)).toBe(true)
    expect(await cache.get('a')).toBe(1)
    expect(await cache.count()).toBe(1)
    let upkept = 0
    await until(async () => (await server.client().keys('*:sweeper')).length > 0 && ++upkept > 1, 'the upkeep has run')
    const failed = errors.filter(({ operation }) => operation !== 'stats')
    expect(failed).toEqual([])
    expect(lines).toEqual(["The cache 'default' reaches its Redis"])
  })

  test('to read statistics is told what it lacks', async () => {
    const { cache, errors } = await openAs('uncounted', ['-hgetall'])
    await cache.require()
    const { backend } = await cache.stats()
    expect(backend).toMatchObject({ up: false, error: expect.stringMatching(/SECURITY\.md/) })
    expect(String(errors[0]?.error)).toMatch(/SECURITY\.md/)
  })

  test('to use the channel of the cache is told so by `require`, with the rule to write, and is heard once it has it', async () => {
    const { cache, keyPrefix } = await openAs('deaf', ['resetchannels'])
    const rule = `ACL SETUSER <user> &${keyPrefix}:wake`
    await expect(cache.require()).rejects.toMatchObject({ cause: { message: expect.stringContaining(rule) } })
    expect(await cache.set('a', 1)).toBe(true)
    await server.client().acl('SETUSER', 'deaf', `&${keyPrefix}:wake`)
    await expect(cache.require()).resolves.toBeUndefined()
  })

  test('to subscribe is told so by `require`, and tries again by itself', async () => {
    const { cache } = await openAs('mute', ['-subscribe'])
    await expect(cache.require()).rejects.toMatchObject({ cause: { message: expect.stringMatching(/SECURITY\.md/) } })
    await server.client().acl('SETUSER', 'mute', '+subscribe')
    await until(async () => String(await server.client().pubsub('CHANNELS')).includes('wake'), 'it has subscribed')
  })

  test('to hear what changes has no near tier, and is told the rule to write', async () => {
    const warnings = await warningsDuring('KEYEDCACHE_NEAR', async () => {
      const { cache, keyPrefix } = await openAs('far', [], { near: true, keyPrefix: 'far' })
      await server.client().acl('SETUSER', 'far', 'resetchannels', `&${keyPrefix}:wake`)
      await cache.require()
    })
    expect(warnings).toEqual([expect.stringContaining('ACL SETUSER <user> &__redis__:invalidate')])
  })
})
