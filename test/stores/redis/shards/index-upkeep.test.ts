import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Client } from '../../../../src/stores/redis/connection/client.js'
import { IndexUpkeep } from '../../../../src/stores/redis/shards/index-upkeep.js'
import { Shards } from '../../../../src/stores/redis/shards/shards.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

const LEASE_MS = 400

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

let keyPrefix: string
beforeEach(() => {
  keyPrefix = freshPrefix()
})
const clients: Client[] = []
afterEach(() => Promise.all(clients.splice(0).map((client) => client.close())))

/** The upkeep of one process, and how often it got it. */
async function process(shardCount = 1): Promise<{ upkeep: IndexUpkeep; shards: Shards; held: () => number }> {
  const client = new Client({ redis: server.url, timeoutMs: 5000, upkeep: 'shared' })
  clients.push(client)
  const shards = new Shards(
    { client, keyPrefix, timeoutMs: 5000, onOpen: () => undefined, onOutageEnd: () => undefined },
    shardCount,
  )
  await until(() => client.isReady, 'it is connected')
  await Promise.all(shards.all.map(({ connection }) => connection.probe()))
  let held = 0
  const onHeld = async (): Promise<void> => void held++
  return { upkeep: new IndexUpkeep({ client, shards, leaseMs: LEASE_MS, onHeld }), shards, held: () => held }
}

/** Does what is due. Gives how much that was. */
async function turn(upkeep: IndexUpkeep): Promise<number> {
  const due = upkeep.due()
  await Promise.all(due.map((step) => step()))
  return due.length
}

describe('The upkeep', () => {
  test('is done by one process until that is gone, then by another; who does it asks for more time, others do not ask before its end', async () => {
    const [one, other] = await Promise.all([process(), process()])
    expect(await turn(one.upkeep)).toBe(1)
    expect(await turn(other.upkeep)).toBe(1)
    expect([one.held(), other.held()]).toEqual([1, 0])
    // The one goes on for longer than its lease, and the other sends nothing meanwhile.
    const otherAskedMs = performance.now()
    let otherTurns = 0
    await until(async () => {
      await turn(one.upkeep)
      if (performance.now() - otherAskedMs < LEASE_MS / 2) otherTurns += await turn(other.upkeep)
      return one.held() >= 4
    }, 'it has asked for more time')
    expect(otherTurns).toBe(0)
    await turn(other.upkeep)
    expect(other.held()).toBe(0)
    await until(async () => (await turn(other.upkeep)) > 0 && other.held() > 0, 'the other one does it')
    expect(await turn(other.upkeep)).toBeGreaterThan(0)
  })

  test('sends one command for each step, and visits the shards in turn, also those after one that fails', async () => {
    const { upkeep, shards } = await process(16)
    await turn(upkeep)
    // A list in place of its leases.
    const broken = shards.all[3]?.keyspace.leases as string
    await server.client().rpush(broken, 'x')
    for (const { keyspace } of shards.all) {
      await server.client().zadd(keyspace.expiry, 1, 'expired') // eslint-disable-line no-await-in-loop
      await server.client().zadd(keyspace.index, 0, 'expired') // eslint-disable-line no-await-in-loop
    }
    const sent: string[] = []
    const failed: unknown[] = []
    const left = async (): Promise<number> =>
      (await Promise.all(shards.all.map(({ keyspace }) => server.client().exists(keyspace.index)))).filter(Boolean)
        .length
    for (let i = 0; i < 16; i++) {
      await turn(upkeep).catch((error: unknown) => failed.push(error)) // eslint-disable-line no-await-in-loop
      sent.push(String(await left())) // eslint-disable-line no-await-in-loop
    }
    expect(sent).toEqual(Array.from({ length: 16 }, (_, i) => String(15 - i)))
    expect(failed.map(String)).toEqual([expect.stringContaining('WRONGTYPE')])
  })

  test('goes on at once while there is more to drop than one script may touch', async () => {
    const { upkeep, shards } = await process()
    await turn(upkeep)
    const { index, expiry } = shards.first.keyspace
    const names = Array.from({ length: 3000 }, (_, i) => `k${i}`)
    await server.client().zadd(expiry, ...names.flatMap((name) => [1, name]))
    await server.client().zadd(index, ...names.flatMap((name) => [0, name]))
    await turn(upkeep)
    expect(await server.client().exists(index, expiry)).toBe(0)
  })
})
