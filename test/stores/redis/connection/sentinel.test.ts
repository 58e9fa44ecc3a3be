import { Redis, type RedisOptions } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { row } from '../../../support/fault-row.js'
import { inWords, Load } from '../../../support/load.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const NAME = 'mymaster'
const KEYS = Array.from({ length: 60 }, (_, i) => `load::${i}`)
const BACK_WITHIN_MS = 5000

let master: RedisServer
let replica: RedisServer
let sentinel: RedisServer
const opened: KeyedCache[] = []
const clients: Redis[] = []
let load: Load | undefined
beforeEach(async () => {
  master = await startRedis()
  const noWaiting = ['--repl-diskless-sync-delay', '0']
  await master.client().config('SET', 'repl-diskless-sync-delay', 0)
  replica = await startRedis({ args: ['--replicaof', '127.0.0.1', `${master.port}`, ...noWaiting] })
  sentinel = await startRedis({ args: ['--sentinel'], config: sentinelConfig(master.port) })
  await until(async () => /master_link_status:up/.test(await replica.client().info('replication')), 'they are in sync')
  await until(async () => (await sentinelSees()).includes('num-slaves,1'), 'the Sentinel knows of the replica')
})
afterEach(async () => {
  await load?.stop()
  load = undefined
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
  for (const client of clients.splice(0)) client.disconnect()
  await Promise.all([sentinel, replica, master].map((server) => server.close()))
})

function sentinelConfig(port: number): string {
  return [
    `sentinel monitor ${NAME} 127.0.0.1 ${port} 1`,
    `sentinel down-after-milliseconds ${NAME} 500`,
    `sentinel failover-timeout ${NAME} 3000`,
    '',
  ].join('\n')
}

async function sentinelSees(): Promise<string> {
  return String(await sentinel.client().call('SENTINEL', 'MASTER', NAME))
}

function options(): { sentinels: { host: string; port: number }[]; name: string } {
  return { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: NAME }
}

function open(redis: RedisOptions | Redis, keyPrefix = freshPrefix()): KeyedCache {
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const cache = createKeyedCache({ redis, keyPrefix, logger: silent })
  opened.push(cache)
  return cache
}

describe('Through Redis Sentinel', () => {
  test('a cache finds the master, from options and by a client of its user', async () => {
    const client = new Redis(options())
    clients.push(client)
    for (const redis of [options(), client]) {
      const keyPrefix = freshPrefix()
      const cache = open(redis, keyPrefix)
      /* eslint-disable no-await-in-loop -- one after the other */
      await until(() => cache.set(['a', 1], 'one'), 'the cache answers')
      expect(await master.client().exists(`${keyPrefix}:v:a::1`)).toBe(1)
      expect(await cache.get(['a', 1])).toBe('one')
      expect(await cache.getOrSet(['a', 2], () => 'two')).toBe('two')
      expect(await cache.delete('a', { children: true })).toEqual(['a::1', 'a::2'])
      expect((await cache.stats()).backend).toMatchObject({ kind: 'redis', up: true })
      /* eslint-enable no-await-in-loop */
    }
  })

  test.each(['killed', 'frozen'] as const)(
    `a master that is %s under load is replaced by its replica, and no value is wrong (SEED=${seed})`,
    async (how) => {
      const keyPrefix = freshPrefix()
      const caches = [open(options(), keyPrefix), open(options(), keyPrefix)]
      for (const cache of caches) await until(() => cache.set('a', 1), 'the cache answers') // eslint-disable-line no-await-in-loop
      load = new Load(caches, KEYS, seed)
      await load.callsMore(1000)

      load.mayLose()
      load.takeFigures()
      const beganMs = performance.now()
      if (how === 'killed') await master.kill()
      else master.stop()
      await until(
        async () => /role:master/.test(await replica.client().info('replication')),
        'the replica is the master',
        20_000,
      )
      const promotedMs = performance.now()
      for (const cache of caches) {
        await until(() => storesAndReads(cache), 'the cache is back') // eslint-disable-line no-await-in-loop
      }
      const backMs = performance.now()
      const during = load.takeFigures()
      load.mayNotLose()
      await load.callsMore(2000)
      expect(await load.stop()).toEqual([])

      row(
        20,
        `Sentinel: master ${how}`,
        `its replica took over after ${(promotedMs - beganMs).toFixed(0)} ms, and was used ` +
          `${(backMs - promotedMs).toFixed(0)} ms later; no wrong value; ${inWords(during)}`,
      )
      expect(backMs - promotedMs).toBeLessThan(BACK_WITHIN_MS)
      expect(await replica.client().exists(`${keyPrefix}:v:back`)).toBe(1)
    },
    60_000,
  )
})

async function storesAndReads(cache: KeyedCache): Promise<boolean> {
  return (await cache.set('back', 'here')) && (await cache.get('back', { default: undefined })) === 'here'
}
