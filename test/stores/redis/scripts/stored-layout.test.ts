import type { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import {
  readCycleProbe,
  readMessage,
  STORED,
  type StoredName,
  writeCycleProbe,
} from '../../../../src/stores/redis/scripts/stored-layout.js'
import { allAnswer } from '../../../support/all-answer.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { makeGate } from '../../../support/gate.js'
import { describeOnServers } from '../../../support/on-servers.js'
import { until } from '../../../support/until.js'

test('A probe for cycles is read from its message as it was written, and from no other text', () => {
  const probes = [
    { from: 'x.1', round: 1, after: 'y.2', trail: '' },
    { from: 'x.1', round: 12, after: 'y.2', trail: 'x.3:1,2;y.4:5;' },
  ]
  for (const probe of probes) {
    const { what, whose } = readMessage(writeCycleProbe(probe))
    expect(what).toBe('cycle')
    expect(readCycleProbe(whose)).toEqual(probe)
  }
  for (const text of ['', 'x', 'x 1 y', 'x one y ', 'x 1 y z z', 'x 1234567890 y ', ' 1 y ']) {
    expect(readCycleProbe(text)).toBeUndefined()
  }
})

describeOnServers('All that a cache keeps in Redis', (servers) => {
  test('has a name that is listed, of the type that is listed, and all that is listed is kept', async () => {
    const keyPrefix = freshPrefix()
    const foreign: string[] = []
    const seen = new Set<string>()
    const { redis, tags } = servers()
    const listeners: Redis[] = []
    const look = (name: string, type: string): void => {
      const kinds = kindsOf(name, keyPrefix, tags).filter((kind) => STORED[kind].type === type)
      if (kinds.length === 1) seen.add(kinds[0] as string)
      else foreign.push(`${name} (${type}): ${kinds.length} kinds`)
    }
    for (const client of await servers().clients()) {
      const listener = client.duplicate()
      listeners.push(listener)
      await listener.psubscribe(`${keyPrefix}*`)
      listener.on('pmessage', (_pattern, channel: string) => look(channel, 'channel'))
    }
    const options = { redis, keyPrefix, redisTimeout: '5s', near: true, compressAbove: 100 }
    await using cache = createKeyedCache(options)
    await using other = createKeyedCache(options)
    await allAnswer(cache, other)
    const lookAround = async (): Promise<void> => {
      for (const [name, type] of await namesBelow(await servers().clients(), keyPrefix)) look(name, type)
    }
    for (let round = 0; round === 0 || (round < 20 && seen.size < Object.keys(STORED).length); round++) {
      await live(cache, other, lookAround)
      // The index is lost, and made whole again
      const lost = [`${keyPrefix}:rebuild${tags[0]}`, ...tags.map((tag) => `${keyPrefix}:index:${tag}`)]
      await Promise.all(lost.map((name) => servers().client().del(name)))
      await cache.count()
      await lookAround()
    }
    await until(async () => {
      await lookAround()
      return seen.has('sweep')
    }, 'the upkeep has begun')
    for (const listener of listeners) listener.disconnect()
    expect([...seen].toSorted()).toEqual(Object.keys(STORED).toSorted())
    expect(foreign).toEqual([])
  })
})

/** Everything that two caches on one prefix do, one after the other; `look` is called in between. */
async function live(cache: KeyedCache, other: KeyedCache, look: () => Promise<void>): Promise<void> {
  const gate = makeGate()
  await cache.setMany(
    Array.from({ length: 50 }, (_, i) => [['many', i], 'x'.repeat(10 * i)] as const),
    { tags: ['t', 'u'] },
  )
  await cache.set('stale', 'old', { ttl: '20ms', grace: 60 })
  await until(async () => (await cache.entry('stale'))?.stale === true, 'the value is stale')
  await cache.getOrSet('stale', () => Promise.reject(new Error('pauses')))
  const led = cache.getOrSet('computed', () => gate.opened.then(() => 1), { tags: ['v'] })
  await until(async () => (await other.computing()).some(({ key }) => key === 'computed'), 'it is being computed')
  const followed = other.getOrSet('computed', () => 2)
  await other.deleteTag('u')
  await look()
  gate.open()
  await Promise.all([led, followed])
  await Promise.all([other.getMany(['computed', 'stale']), cache.getOrSetMany(['one', 'two'], (missing) => missing)])
  await cache.delete('many', { children: true })
  await look()
  await cache.audit({
    id: 'id',
    time: new Date(),
    phase: 'intent',
    actor: 'staff',
    ip: undefined,
    mode: 'all',
    target: undefined,
    previewed: 1,
    outcome: undefined,
    deleted: undefined,
    ms: undefined,
    reason: undefined,
  })
  await Promise.all([cache.stats(), other.stats(), other.clear(), other.set('left', 1, { tags: ['w'] })])
  await look()
}

/** All names below a prefix that there are now, and their types. */
async function namesBelow(clients: readonly Redis[], keyPrefix: string): Promise<[name: string, type: string][]> {
  const found: [string, string][] = []
  for (const client of clients) {
    for await (const names of client.scanStream({ match: `${keyPrefix}*`, count: 1000 })) {
      for (const name of names as string[]) found.push([name, await client.type(name)])
    }
  }
  return found.filter(([, type]) => type !== 'none')
}

/** As what a name is listed. */
function kindsOf(name: string, keyPrefix: string, tags: readonly string[]): (keyof typeof STORED)[] {
  const kinds = Object.keys(STORED) as (keyof typeof STORED)[]
  return kinds.filter((kind) => {
    const { after, of, ofEach }: StoredName = STORED[kind]
    const starts = (of === 'prefix' ? [''] : of === 'first shard' ? tags.slice(0, 1) : tags).map(
      (tag) => keyPrefix + after + tag,
    )
    return starts.some((begin) => (ofEach === undefined ? name === begin : name.startsWith(begin)))
  })
}
