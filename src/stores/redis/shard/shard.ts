import { isError } from '../../../checks/is-error.js'
import { realTime } from '../../../checks/real-time.js'
import type { Outage, Write } from '../../../contract/store.js'
import { ChangedAnswer } from '../reasons/changed-answer.js'
import type { Client } from '../connection/client.js'
import { Connection } from '../connection/connection.js'
import { HEADS, REMOVE, WRITE } from '../scripts/entry-scripts.js'
import { ENTRY } from '../scripts/stored-layout.js'
import { Evictions } from './evictions.js'
import { Keyspace } from './keyspace.js'
import type { Name } from '../connection/redis-name.js'
import { RedisIndex } from './redis-index.js'
import { expiryArgument, RedisLeases } from './redis-leases.js'
import { RedisTags } from './redis-tags.js'
import { ShardUpkeep } from './shard-upkeep.js'
import { chunks, chunksByTags } from './chunks.js'
import { whenAllEnded } from './when-all-ended.js'

/** The options that all shards of a cache share. */
export interface ShardOptions {
  readonly client: Client
  readonly keyPrefix: string
  readonly timeoutMs: number
  /** Called when the breaker of a shard finds that its server does not answer. */
  readonly onOpen: () => void
  /** Called when an outage of a server ends, before anybody gets the answer that ends it. */
  readonly onOutageEnd: (outage: Outage) => void
}

/**
 * A part of a cache whose names are all on one server. On a single server there is one shard with everything; on a Cluster each shard has
 * one slot. A key, its lease, and its places in the index and in the sets of its tags are in the same shard, so that one script sees them
 * all.
 */
export class Shard {
  readonly keyspace: Keyspace
  readonly connection: Connection
  readonly index: RedisIndex
  readonly leases: RedisLeases
  readonly tags: RedisTags
  readonly evictions: Evictions
  readonly upkeep: ShardUpkeep

  constructor({ client, keyPrefix, timeoutMs, onOpen, onOutageEnd }: ShardOptions, hashTag: string) {
    this.keyspace = new Keyspace(keyPrefix, hashTag)
    this.connection = new Connection(client, namesOfOneServer(this.keyspace), timeoutMs, onOpen, onOutageEnd)
    this.index = new RedisIndex(this.connection, this.keyspace)
    this.evictions = new Evictions(this.connection, this.keyspace, this.index)
    this.tags = new RedisTags(this.connection, this.keyspace)
    this.leases = new RedisLeases(this.connection, this.keyspace, this.evictions, this.tags)
    this.upkeep = new ShardUpkeep(this.connection, this.keyspace, this.evictions, this.tags)
  }

  /** ms since 1970 on the server's clock. */
  now(): number {
    return this.connection.clock.now()
  }

  /** The bytes under a key of this shard. Data of another type reads as empty bytes: they are not a valid entry, so it is replaced. */
  async read(key: string): Promise<Buffer | undefined> {
    try {
      const bytes = await this.connection.send((redis) => redis.getBuffer(this.keyspace.entry(key)))
      if (!isAnswer(bytes)) throw new ChangedAnswer('GET')
      return bytes ?? undefined
    } catch (error) {
      if (isError(error) && error.message.startsWith('WRONGTYPE')) return Buffer.alloc(0)
      throw error
    }
  }

  /** The bytes under each of some keys of this shard, in order. `null`, as Redis gives it, where there is nothing. */
  async readMany(keys: readonly string[]): Promise<(Buffer | null)[]> {
    const names = keys.map((key) => this.keyspace.entry(key))
    const all = await this.connection.send((redis) => redis.mgetBuffer(...names))
    if (!Array.isArray(all) || all.length !== keys.length || !all.every(isAnswer)) throw new ChangedAnswer('MGET')
    return all
  }

  /** As `Store.peekMany`, for keys of this shard. */
  async peekMany(keys: readonly string[]): Promise<({ head: Buffer; size: number } | undefined)[]> {
    const found: ({ head: Buffer; size: number } | undefined)[] = []
    for (const some of chunks(keys)) {
      const names = some.map((key) => this.keyspace.entry(key))
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const reply = (await this.connection.runForBytes(HEADS, names, [ENTRY.headerBytes])) as (Buffer | number)[]
      found.push(
        ...some.map((_, i) => {
          const size = Number(reply[2 * i])
          return size === 0 ? undefined : { head: reply[2 * i + 1] as Buffer, size }
        }),
      )
    }
    return found
  }

  /** As `Store.write`, for keys of this shard. */
  async write(entries: readonly Write[]): Promise<boolean[]> {
    const stored: boolean[] = []
    const placed = entries.map((entry, place) => ({ entry, place }))
    // All are sent before the first is answered. What the same caller sends next must come after them.
    const scripts = Array.from(
      chunksByTags(placed, ({ entry }) => entry),
      async (some) => {
        const refused = await this.#writeSome(some.map(({ entry }) => entry))
        for (const [i, { place }] of some.entries()) stored[place] = !refused.includes(i + 1)
      },
    )
    await whenAllEnded(scripts)
    return stored
  }

  /** As `Store.remove`, for keys of this shard. After each step it calls `tell` with the keys that were there. */
  async remove(keys: readonly Name[], tell: (removed: readonly string[]) => void): Promise<void> {
    const { leases, index, removed, wake } = this.keyspace
    for (const some of chunks(keys)) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const there = (await this.connection.run(
        REMOVE,
        [leases, index, removed, ...some.map((key) => this.keyspace.entry(key))],
        [wake, Buffer.byteLength(some[0] as Name)],
      )) as number | number[]
      tell((typeof there === 'number' ? some : there.map((number) => some[number - 1])).map(String))
    }
  }

  /** Stores entries of the same tags with one script. Gives the numbers (from 1) of those that had expired. */
  async #writeSome(entries: readonly Write[]): Promise<readonly number[]> {
    const { leases, index, expiry, wake } = this.keyspace
    const tags = entries[0]?.tags ?? []
    const names = entries.map(({ key }) => this.keyspace.entry(key))
    const what: (string | Buffer | number)[] = []
    for (const { bytes, expiresAt } of entries) what.push(bytes, expiryArgument(expiresAt))
    const firstBytes = Buffer.byteLength((entries[0] as Write).key)
    const all = entries.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const write = (): Promise<unknown> =>
      this.connection.run(
        WRITE,
        [leases, index, expiry, ...names, ...this.keyspace.tagSets(tags)],
        [wake, this.connection.deadlineOf(all), entries.length, firstBytes, ...what, ...tags],
        all,
      )
    const refused = (await this.evictions.makingRoom(write)) as number[] | null
    this.tags.wrote(tags.length)
    if (refused !== null) return refused
    this.connection.doubtClock()
    throw new Error('the write reached Redis after its deadline, and was not carried out')
  }

  /** Writes a probe and reads it back. */
  async probe(): Promise<void> {
    const token = `${process.pid}-${realTime.nowMs()}`
    await this.connection.send((redis) => redis.set(this.keyspace.probe, token, 'PX', 60_000))
    const answer = await this.connection.send((redis) => redis.get(this.keyspace.probe))
    if (answer === null) throw new Error('a value that was just written is not there')
    if (typeof answer !== 'string') throw new ChangedAnswer('GET')
  }
}

/** Of a Cluster they are in one slot. One server of a Cluster that is taken for a server by itself refuses to answer for all of them. */
function namesOfOneServer({ index, expiry, leases }: Keyspace): readonly Name[] {
  return [index, expiry, leases]
}

function isAnswer(bytes: unknown): bytes is Buffer | null {
  return bytes === null || Buffer.isBuffer(bytes)
}
