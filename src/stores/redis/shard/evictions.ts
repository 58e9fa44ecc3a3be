import { isError } from '../../../checks/is-error.js'
import { realTime } from '../../../checks/real-time.js'
import type { Connection } from '../connection/connection.js'
import { EVICTED, NOTE_CURSOR } from '../scripts/upkeep-scripts.js'
import { SWEEP_FIELDS } from '../scripts/stored-layout.js'
import type { Keyspace } from './keyspace.js'
import { type Name, nameAfter, nameOf } from '../connection/redis-name.js'
import type { RedisIndex } from './redis-index.js'
import { NAMES_PER_SCRIPT } from './chunks.js'

/** How many names are checked for each evicted entry. */
const NAMES_AN_EVICTION = 8
/** The most names that one round checks: 400 scripts of 500 names. */
const NAMES_PER_ROUND = 200_000
/** At least this many evictions are assumed when Redis had no room for a write. */
const EVICTED_AT_LEAST = 1000
/** What one round of the upkeep assumes if the count is not known: 800 names are checked. */
const EVICTED_UNKNOWN = 100
/** How long no new round is tried after one that made no room. */
const VAIN_MS = 100

/** How many entries a server has evicted, now and at the time before. `null`: not known. */
export type EvictionCounts = readonly [now: string | null, before: string | null]

/**
 * Drops the names of evicted entries from a shard's index. Under `volatile-*` policies Redis does not evict the index itself, so it would
 * fill the memory with time.
 */
export class Evictions {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #index: RedisIndex
  #relief: Promise<void> | undefined
  #vainUntilMs = 0

  constructor(connection: Connection, keyspace: Keyspace, index: RedisIndex) {
    this.#connection = connection
    this.#keyspace = keyspace
    this.#index = index
  }

  /** Runs a write. If Redis has no room for it, sweeps one round and tries once more, unless a round has just made no room. */
  async makingRoom<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      const isFull = isError(error) && error.message.includes('OOM')
      if (!isFull || realTime.nowMs() < this.#vainUntilMs) throw error
      this.#relief ??= this.#relieve().finally(() => {
        this.#relief = undefined
      })
      await this.#relief
      return write()
    }
  }

  /** Checks eight names for each entry evicted between two counts. `share`: the part of the server's evictions that are of this shard. */
  async sweep(counts: EvictionCounts, share: number): Promise<void> {
    await this.#sweepAtLeast(0, counts, share)
  }

  async #relieve(): Promise<void> {
    let dropped = 0
    try {
      const { index, sweep } = this.#keyspace
      const counts = (await this.#connection.run(EVICTED, [sweep, index], [])) as EvictionCounts
      dropped = await this.#sweepAtLeast(EVICTED_AT_LEAST, counts, 1)
    } finally {
      if (dropped === 0) this.#vainUntilMs = realTime.nowMs() + VAIN_MS
    }
  }

  /** Gives how many it dropped. */
  async #sweepAtLeast(least: number, counts: EvictionCounts, share: number): Promise<number> {
    const looked = Math.ceil(NAMES_AN_EVICTION * Math.max(evictedSince(counts) * share, least))
    return looked > 0 ? this.#sweep(Math.min(looked, NAMES_PER_ROUND)) : 0
  }

  /** Gives how many it dropped. */
  async #sweep(count: number): Promise<number> {
    const { sweep } = this.#keyspace
    const last = await this.#connection.send((redis) => redis.hgetBuffer(sweep, SWEEP_FIELDS.cursor))
    let cursor = last === null ? '' : nameOf(last)
    let next = this.#after(cursor)
    let dropped = 0
    for (let looked = 0; looked < count; looked += NAMES_PER_SCRIPT) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, each from where the last one ended
      const names = await next
      const isLast = names.length < NAMES_PER_SCRIPT
      const isAll = isLast && cursor === ''
      cursor = isLast ? '' : (names.at(-1) as Name)
      // The next names are read before these are checked, so that Redis need not wait.
      next = this.#after(cursor)
      next.catch(() => undefined)
      // eslint-disable-next-line no-await-in-loop
      if (names.length > 0) dropped += await this.#index.sweep(names)
      if (isAll) break
    }
    await this.#connection.run(NOTE_CURSOR, [sweep], [cursor])
    return dropped
  }

  async #after(cursor: Name): Promise<Name[]> {
    const min = nameAfter('(', cursor)
    const names = await this.#connection.send((redis) =>
      redis.zrangebylexBuffer(this.#keyspace.index, min, '+', 'LIMIT', 0, NAMES_PER_SCRIPT),
    )
    return names.map(nameOf)
  }
}

/** How many entries the server has evicted between two counts. Some are assumed if the Redis user may not ask for the count. */
function evictedSince([now, before]: EvictionCounts): number {
  if (now === null) return EVICTED_UNKNOWN
  // A server that was restarted counts from 0 again.
  return Number(now) - Math.min(Number(before ?? 0), Number(now))
}
