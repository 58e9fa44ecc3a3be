import type { BackendStats, ChildPage, Computation, KeyPage } from '../../cache/cache.js'
import { childPrefix } from '../../cache/key-tree.js'
import type { StatsBatch, StatsTotals } from '../../cache/stats.js'
import type { Acquired, Attempt, Ended, Store, Write } from '../store.js'
import { Connection, type ConnectionOptions } from './connection.js'
import { IndexUpkeep } from './index-upkeep.js'
import { IndexRebuild } from './index-rebuild.js'
import { Keyspace } from './keyspace.js'
import { NAMES_A_SCRIPT, RedisIndex } from './redis-index.js'
import { expiryArgument, RedisLeases } from './redis-leases.js'
import { RedisStats } from './redis-stats.js'
import { RedisTags } from './redis-tags.js'
import { REMOVE, WRITE } from './entry-scripts.js'

/** Where a Redis store keeps its entries. */
export interface RedisStoreOptions extends ConnectionOptions {
  /** What every name in Redis begins with. */
  readonly keyPrefix: string
  /** Called with what failed in the background. */
  readonly onError: (operation: string, error: unknown) => void
}

const UPKEEP_EVERY_MS = 1000
const LOG_LINES = 1000

/** The store on one Redis server, with an index that lists, counts and deletes below a key without walking the database. */
export class RedisStore implements Store {
  readonly kind = 'redis'
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #index: RedisIndex
  readonly #rebuild: IndexRebuild
  readonly #upkeep: IndexUpkeep
  readonly #leases: RedisLeases
  readonly #stats: RedisStats
  readonly #tags: RedisTags
  readonly #onError: (operation: string, error: unknown) => void
  readonly #timeoutMs: number
  readonly #timer: NodeJS.Timeout

  constructor({ keyPrefix, onError, onState, ...connection }: RedisStoreOptions) {
    this.#keyspace = new Keyspace(keyPrefix)
    this.#connection = new Connection({
      ...connection,
      onState: (up, error) => {
        onState(up, error)
        // Another server may answer now, or the same one without its data.
        if (up) this.#makeWhole()
      },
    })
    this.#onError = onError
    this.#rebuild = new IndexRebuild(this.#connection, this.#keyspace)
    this.#index = new RedisIndex(this.#connection, this.#keyspace, this.#rebuild)
    this.#upkeep = new IndexUpkeep(this.#connection, this.#keyspace, this.#index)
    this.#leases = new RedisLeases(this.#connection, this.#keyspace, onError)
    this.#tags = new RedisTags(this.#connection, this.#keyspace)
    this.#stats = new RedisStats(this.#connection, this.#keyspace)
    this.#timeoutMs = connection.timeoutMs
    this.#timer = setInterval(() => {
      if (!this.#connection.up) return
      Promise.all([this.#tags.prune(), this.#upkeep.round()]).catch((error: unknown) => onError('upkeep', error))
    }, UPKEEP_EVERY_MS).unref()
  }

  now(): number {
    return this.#connection.clock.now()
  }

  backend(): BackendStats {
    const { up, since, clock } = this.#connection
    return { kind: this.kind, up, since, roundTripMs: up ? clock.roundTripMs : null }
  }

  async read(key: string): Promise<Buffer | undefined> {
    const bytes = await this.#connection.send((client) => client.getBuffer(this.#keyspace.entry(key)))
    return bytes ?? undefined
  }

  async readMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    if (keys.length === 0) return []
    const names = keys.map((key) => this.#keyspace.entry(key))
    const found = await this.#connection.send((client) => client.mgetBuffer(...names))
    return found.map((bytes) => bytes ?? undefined)
  }

  async look(key: string): Promise<Buffer | undefined> {
    return this.read(key)
  }

  async write(entries: readonly Write[]): Promise<boolean[]> {
    const stored: boolean[] = []
    for (const some of chunks(entries, NAMES_A_SCRIPT)) {
      const tags = [...new Set(some.flatMap((entry) => entry.tags))]
      const { leases, index, expiry, wake } = this.#keyspace
      const write = (): Promise<unknown> =>
        this.#connection.run(
          WRITE,
          [leases, index, expiry, ...some.map(({ key }) => this.#keyspace.entry(key)), ...this.#keyspace.tagSets(tags)],
          [
            wake,
            Math.ceil(this.now() + this.#timeoutMs),
            some.length,
            ...some.flatMap(({ key, bytes, expiresAt }) => [key, bytes, expiryArgument(expiresAt)]),
            ...tags,
          ],
        )
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const refused = (await this.#upkeep.makingRoom(write)) as number[] | null
      if (refused === null) throw new Error('the write reached Redis after its deadline, and was not carried out')
      stored.push(...some.map((_, i) => !refused.includes(i + 1)))
    }
    return stored
  }

  async remove(keys: readonly string[]): Promise<string[]> {
    const { leases, index, expiry, wake } = this.#keyspace
    const removed: string[] = []
    for (const some of chunks(keys, NAMES_A_SCRIPT)) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const numbers = (await this.#connection.run(
        REMOVE,
        [leases, index, expiry, ...some.map((key) => this.#keyspace.entry(key))],
        [wake, ...some],
      )) as number[]
      for (const number of numbers) removed.push(some[number - 1] as string)
    }
    return removed
  }

  async removeTree(key: string): Promise<string[]> {
    const below = childPrefix(key)
    const removed: string[] = []
    await this.#removeAll(
      key,
      (each) => each === key || each.startsWith(below),
      (keys) => removed.push(...keys),
    )
    return removed
  }

  async clear(): Promise<number> {
    let count = 0
    await this.#removeAll(
      undefined,
      () => true,
      (keys) => (count += keys.length),
    )
    return count
  }

  removeTag(tag: string): Promise<string[]> {
    return this.#tags.remove(tag)
  }

  listTag(tag: string, limit: number): Promise<{ keys: string[]; total: number }> {
    return this.#tags.list(tag, limit)
  }

  list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage> {
    return this.#index.list(under, after, limit)
  }

  children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage> {
    return this.#index.children(under, after, limit)
  }

  count(under: string | undefined): Promise<number> {
    return this.#index.count(under)
  }

  acquire(attempt: Attempt): Promise<Acquired> {
    return this.#leases.acquire(attempt)
  }

  renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return this.#leases.renew(key, token, leaseMs)
  }

  fill(entry: Write, token: string): Promise<boolean> {
    return this.#leases.fill(entry, token)
  }

  release(key: string, token: string, ended: 'nothing' | 'voided', pauseMs: number): Promise<boolean> {
    return this.#leases.release(key, token, ended, pauseMs)
  }

  computations(): Promise<Computation[]> {
    return this.#leases.list(this.now())
  }

  onEnded(listener: (key: string, ended: Ended) => void): void {
    this.#leases.onEnded(listener)
  }

  get hearsEnds(): boolean {
    return this.#leases.hears
  }

  async probe(): Promise<void> {
    const token = `${process.pid}-${performance.now()}`
    await this.#connection.send((client) => client.set(this.#keyspace.probe, token, 'PX', 60_000))
    const answer = await this.#connection.send((client) => client.get(this.#keyspace.probe))
    if (answer === null) throw new Error('a value that was just written is not there')
  }

  addStats(batch: StatsBatch): Promise<void> {
    return this.#stats.add(batch, this.now())
  }

  readStats(): Promise<StatsTotals> {
    return this.#stats.read()
  }

  async appendLog(line: string): Promise<void> {
    await this.#connection.send((client) =>
      client.xadd(this.#keyspace.log, 'MAXLEN', '~', LOG_LINES, '*', 'line', line),
    )
  }

  async readLog(limit: number): Promise<string[]> {
    const entries = await this.#connection.send((client) =>
      client.xrevrange(this.#keyspace.log, '+', '-', 'COUNT', limit),
    )
    return entries.map(([, fields]) => fields[1] ?? '')
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#leases.close()
    await this.#connection.close()
  }

  /** Has the index made whole in the background, if it is not. */
  #makeWhole(): void {
    this.#rebuild.done().catch((error: unknown) => this.#onError('rebuild', error))
  }

  /** Removes what the index has at and below a key; where the index was not whole, also what is found by looking at all entries. */
  async #removeAll(
    under: string | undefined,
    concerns: (key: string) => boolean,
    report: (removed: string[]) => void,
  ): Promise<void> {
    const below = this.#index.empty(under, async (names) => report(await this.remove(names)))
    const [isWhole] = await Promise.all([below, under === undefined ? undefined : this.remove([under]).then(report)])
    if (isWhole) return
    await this.#rebuild.scan(async (keys) => report(await this.remove(keys.filter((key) => concerns(key)))))
    this.#makeWhole()
  }
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
