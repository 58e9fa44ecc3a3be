import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from './connection.js'
import type { Keyspace } from './keyspace.js'
import { NAMES_A_SCRIPT, type RedisIndex } from './redis-index.js'

/** A little less than the time between two rounds, so that each second some process sweeps. */
const SWEEPER_MS = 900
/** How many names are looked at for each entry evicted. */
const NAMES_AN_EVICTION = 6
/** What one round looks at at most: 400 scripts of 500 names. */
const NAMES_A_ROUND = 200_000
/** What is taken for evicted when Redis had no room for a write. */
const EVICTED_AT_LEAST = 1000
const REST_MS = 10

/**
 * Drops the names of expired and of evicted entries out of the index. These names are not evictable themselves: under `volatile-*`
 * policies the index would come to fill the memory.
 */
export class IndexUpkeep {
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
      this.#relief ??= this.#dropEvicted(true).finally(() => {
        this.#relief = undefined
      })
      await this.#relief
      return write()
    }
  }

  /** One round, by one of all processes: drops what has expired, and the names of what was evicted. */
  async round(): Promise<void> {
    const { sweeper } = this.#keyspace
    const mine = await this.#connection.send((client) => client.set(sweeper, '1', 'PX', SWEEPER_MS, 'NX'))
    if (mine === null) return
    await this.#dropEvicted(false)
    const endMs = performance.now() + SWEEPER_MS / 2
    // With a rest after each step, so that others find room between them.
    while ((await this.#index.pruneOnce()) === NAMES_A_SCRIPT && performance.now() < endMs) await delay(REST_MS)
  }

  /** Looks at six times as many names as entries were evicted since the last time. */
  async #dropEvicted(isFull: boolean): Promise<void> {
    const { sweep } = this.#keyspace
    const info = await this.#connection.send((client) => client.info('stats'))
    const evicted = Number(/^evicted_keys:(\d+)/m.exec(info)?.[1] ?? 0)
    const known = await this.#connection.send((client) => client.hget(sweep, 'evicted'))
    // A server that was restarted counts from 0 again.
    const grown = evicted - Math.min(Number(known ?? 0), evicted)
    if (grown === 0 && !isFull) return
    await this.#connection.send((client) => client.hset(sweep, 'evicted', evicted))
    await this.#sweep(Math.min(NAMES_AN_EVICTION * Math.max(grown, isFull ? EVICTED_AT_LEAST : 0), NAMES_A_ROUND))
  }

  async #sweep(count: number): Promise<void> {
    const { index, sweep } = this.#keyspace
    let cursor = (await this.#connection.send((client) => client.hget(sweep, 'cursor'))) ?? ''
    for (let looked = 0; looked < count; looked += NAMES_A_SCRIPT) {
      const min = `(${cursor}`
      // eslint-disable-next-line no-await-in-loop -- bounded steps, each from where the last one ended
      const names = await this.#connection.send((client) =>
        client.zrangebylex(index, min, '+', 'LIMIT', 0, NAMES_A_SCRIPT),
      )
      // eslint-disable-next-line no-await-in-loop
      if (names.length > 0) await this.#index.sweep(names)
      if (names.length < NAMES_A_SCRIPT && cursor === '') break
      cursor = names.length < NAMES_A_SCRIPT ? '' : (names.at(-1) as string)
    }
    await this.#connection.send((client) => client.hset(sweep, 'cursor', cursor))
  }
}
