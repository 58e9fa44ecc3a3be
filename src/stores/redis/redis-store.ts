import type { BackendStats, ChildPage, Computation, KeyPage } from '../../cache/cache.js'
import { compareKeys } from '../../cache/key.js'
import { childPlace, childPrefix, childTowards } from '../../cache/key-tree.js'
import type { StatsBatch, StatsTotals } from '../../cache/stats.js'
import type { Acquired, Attempt, Ended, Store, Write } from '../store.js'
import { Connection, type ConnectionOptions } from './connection.js'
import { Keyspace } from './keyspace.js'
import { expiryArgument, RedisLeases } from './redis-leases.js'
import { RedisStats } from './redis-stats.js'
import { RedisTags } from './redis-tags.js'
import { CHILDREN, LIST, PRUNE_EXPIRED, REMOVE, type Script, VOID_TREE, WRITE } from './scripts.js'

/** Where a Redis store keeps its entries. */
export interface RedisStoreOptions extends ConnectionOptions {
  /** What every name in Redis begins with. */
  readonly keyPrefix: string
  /** Called with what failed in the background. */
  readonly onError: (operation: string, error: unknown) => void
}

/** No script touches more names than this, so that none blocks the server for long: about 3 ms. */
const NAMES_A_SCRIPT = 500
/** A skip-scan costs about 10 us a step on the server. */
const CHILDREN_A_SCRIPT = 100
const PRUNE_EVERY_MS = 1000

/** The store on one Redis server, with an index that lists, counts and deletes below a key without walking the database. */
export class RedisStore implements Store {
  readonly kind = 'redis'
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #leases: RedisLeases
  readonly #stats: RedisStats
  readonly #tags: RedisTags
  readonly #timeoutMs: number
  readonly #pruning: NodeJS.Timeout

  constructor({ keyPrefix, onError, ...connection }: RedisStoreOptions) {
    this.#keyspace = new Keyspace(keyPrefix)
    this.#connection = new Connection(connection)
    this.#leases = new RedisLeases(this.#connection, this.#keyspace, onError)
    this.#tags = new RedisTags(this.#connection, this.#keyspace)
    this.#stats = new RedisStats(this.#connection, this.#keyspace)
    this.#timeoutMs = connection.timeoutMs
    this.#pruning = setInterval(() => {
      if (!this.#connection.up) return
      Promise.all([this.#pruneOnce(), this.#tags.prune()]).catch((error: unknown) => onError('prune', error))
    }, PRUNE_EVERY_MS).unref()
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
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const refused = (await this.#connection.run(
        WRITE,
        [leases, index, expiry, ...some.map(({ key }) => this.#keyspace.entry(key)), ...this.#keyspace.tagSets(tags)],
        [
          wake,
          Math.ceil(this.now() + this.#timeoutMs),
          some.length,
          ...some.flatMap(({ key, bytes, expiresAt }) => [key, bytes, expiryArgument(expiresAt)]),
          ...tags,
        ],
      )) as number[] | null
      if (refused === null) throw new Error('the write reached Redis after its deadline, and was not carried out')
      stored.push(...some.map((_, i) => !refused.includes(i + 1)))
    }
    return stored
  }

  async remove(keys: readonly string[]): Promise<string[]> {
    const removed: string[] = []
    for (const some of chunks(keys, NAMES_A_SCRIPT)) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const numbers = (await this.#run(REMOVE, some, [this.#keyspace.wake, ...some])) as number[]
      for (const number of numbers) removed.push(some[number - 1] as string)
    }
    return removed
  }

  async removeTree(key: string): Promise<string[]> {
    await this.#voidTree(key)
    const removed = await this.remove([key])
    await this.#removeBelow(key, (keys) => removed.push(...keys))
    return removed
  }

  async clear(): Promise<number> {
    let count = 0
    await this.#voidTree(undefined)
    await this.#removeBelow(undefined, (keys) => {
      count += keys.length
    })
    return count
  }

  removeTag(tag: string): Promise<string[]> {
    return this.#tags.remove(tag)
  }

  async list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage> {
    await this.#prune()
    const page = this.#keyspace.range(under, after)
    const all = this.#keyspace.range(under)
    const selfOnPage = under !== undefined && (after === undefined || compareKeys(after, under) < 0)
    const [total, ...names] = (await this.#connection.run(
      LIST,
      [this.#keyspace.index],
      [under ?? '', selfOnPage ? 1 : 0, page.min, page.max, all.min, all.max, limit],
    )) as [number, ...string[]]
    const keys = names.slice(0, limit)
    return { keys, next: names.length > limit ? keys.at(-1) : undefined, total }
  }

  async children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage> {
    await this.#prune()
    const children: ChildPage['children'] = []
    let place = after
    while (children.length <= limit) {
      const wanted = Math.min(limit + 1 - children.length, CHILDREN_A_SCRIPT)
      // eslint-disable-next-line no-await-in-loop -- each step begins where the last one ended
      const step = await this.#childrenStep(under, place, wanted)
      children.push(...step)
      const last = step.at(-1)
      if (last === undefined || step.length < wanted) break
      place = childPlace(last)
    }
    const page = children.slice(0, limit)
    const last = page.at(-1)
    return { children: page, next: children.length > limit && last !== undefined ? childPlace(last) : undefined }
  }

  async count(under: string | undefined): Promise<number> {
    await this.#prune()
    const { min, max } = this.#keyspace.range(under)
    const [total] = (await this.#connection.run(
      LIST,
      [this.#keyspace.index],
      [under ?? '', 0, '(', '(', min, max, -1],
    )) as [number]
    return total
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

  async close(): Promise<void> {
    clearInterval(this.#pruning)
    this.#leases.close()
    await this.#connection.close()
  }

  /** Runs a script that declares leases, index, expiry and the entries of these keys. */
  #run(script: Script, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    const { leases, index, expiry } = this.#keyspace
    return this.#connection.run(script, [leases, index, expiry, ...keys.map((key) => this.#keyspace.entry(key))], args)
  }

  /** First of all, so that nothing computed before a delete can be stored after it. */
  async #voidTree(key: string | undefined): Promise<void> {
    const { leases, wake } = this.#keyspace
    await this.#connection.run(VOID_TREE, [leases], [wake, key ?? '', childPrefix(key)])
  }

  /** Goes on from the last name each time, so that keys written meanwhile cannot make it endless. */
  async #removeBelow(under: string | undefined, report: (keys: string[]) => void): Promise<void> {
    let after: string | undefined
    do {
      const { min, max } = this.#keyspace.range(under, after)
      // eslint-disable-next-line no-await-in-loop -- bounded steps, each from where the last one ended
      const names = await this.#connection.send((client) =>
        client.zrangebylex(this.#keyspace.index, min, max, 'LIMIT', 0, NAMES_A_SCRIPT),
      )
      // eslint-disable-next-line no-await-in-loop
      if (names.length > 0) report(await this.remove(names))
      after = names.length === NAMES_A_SCRIPT ? names.at(-1) : undefined
    } while (after !== undefined)
  }

  async #childrenStep(
    under: string | undefined,
    place: string | undefined,
    limit: number,
  ): Promise<ChildPage['children']> {
    const { min, max } = this.#keyspace.childrenRange(under, place)
    const reply = (await this.#connection.run(
      CHILDREN,
      [this.#keyspace.index],
      [childPrefix(under), min, max, limit],
    )) as (string | number)[]
    return Array.from({ length: reply.length / 3 }, (_, i) => {
      const key = String(reply[3 * i])
      return { ...childTowards(key, under), isKey: reply[3 * i + 1] === 1, count: Number(reply[3 * i + 2]) }
    })
  }

  /** Drops what has expired, so that a list or count that follows is exact. */
  async #prune(): Promise<void> {
    // eslint-disable-next-line no-await-in-loop -- bounded steps
    while ((await this.#pruneOnce()) === NAMES_A_SCRIPT);
  }

  async #pruneOnce(): Promise<number> {
    const { index, expiry } = this.#keyspace
    return (await this.#connection.run(PRUNE_EXPIRED, [index, expiry], [NAMES_A_SCRIPT])) as number
  }
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
