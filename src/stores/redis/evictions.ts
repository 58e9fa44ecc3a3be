import type { Connection } from './connection.js'
import { EVICTED } from './index-scripts.js'
import type { Keyspace } from './keyspace.js'
import { type Name, nameAfter, nameOf } from './name.js'
import type { RedisIndex } from './redis-index.js'
import { NAMES_A_SCRIPT } from './scriptfuls.js'

/** How many names are looked at for each entry evicted. */
const NAMES_AN_EVICTION = 8
/** What one round looks at at most: 400 scripts of 500 names. */
const NAMES_A_ROUND = 200_000
/** What is taken for evicted when Redis had no room for a write. */
const EVICTED_AT_LEAST = 1000

/**
 * Drops the names of evicted entries out of a shard's index. These names are not evictable themselves: under `volatile-*` policies the
 * index would come to fill the memory.
 */
export class Evictions {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #index: RedisIndex
  #relief: Promise<void> | undefined

  constructor(connection: Connection, keyspace: Keyspace, index: RedisIndex) {
    this.#connection = connection
    this.#keyspace = keyspace
    this.#index = index
  }

  /** Does what a write does; where Redis has no room for it, once more after a round of sweeping. */
  async makingRoom<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('OOM'))) throw error
      this.#relief ??= this.#sweepAtLeast(EVICTED_AT_LEAST, 1).finally(() => {
        this.#relief = undefined
      })
      await this.#relief
      return write()
    }
  }

  /** Looks at eight times as many names as entries were evicted since the last time; `share` of what the server evicts is this shard's. */
  async sweep(share: number): Promise<void> {
    await this.#sweepAtLeast(0, share)
  }

  async #sweepAtLeast(least: number, share: number): Promise<void> {
    const { index, sweep } = this.#keyspace
    const [evicted, known] = (await this.#connection.run(EVICTED, [sweep, index], [])) as [string, string | null]
    // A server that was restarted counts from 0 again.
    const grown = Number(evicted) - Math.min(Number(known ?? 0), Number(evicted))
    const looked = Math.ceil(NAMES_AN_EVICTION * Math.max(grown * share, least))
    if (looked > 0) await this.#sweep(Math.min(looked, NAMES_A_ROUND))
  }

  async #sweep(count: number): Promise<void> {
    const { sweep } = this.#keyspace
    const last = await this.#connection.send((redis) => redis.hgetBuffer(sweep, 'cursor'))
    let cursor = last === null ? '' : nameOf(last)
    let next = this.#after(cursor)
    for (let looked = 0; looked < count; looked += NAMES_A_SCRIPT) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, each from where the last one ended
      const names = await next
      const isLast = names.length < NAMES_A_SCRIPT
      const isAll = isLast && cursor === ''
      cursor = isLast ? '' : (names.at(-1) as Name)
      // Asked for before these are looked at, so that Redis need not wait.
      next = this.#after(cursor)
      next.catch(() => undefined)
      // eslint-disable-next-line no-await-in-loop
      if (names.length > 0) await this.#index.sweep(names)
      if (isAll) break
    }
    await this.#connection.send((redis) => redis.hset(sweep, 'cursor', cursor))
  }

  async #after(cursor: Name): Promise<Name[]> {
    const min = nameAfter('(', cursor)
    const names = await this.#connection.send((redis) =>
      redis.zrangebylexBuffer(this.#keyspace.index, min, '+', 'LIMIT', 0, NAMES_A_SCRIPT),
    )
    return names.map(nameOf)
  }
}
