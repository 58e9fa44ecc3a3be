import { reasonOf } from '../../checks/reason.js'
import { same } from '../../checks/same.js'
import type { BackendStats } from '../../contract/cache.js'
import type { ChildPage, Computation, KeyPage } from '../../contract/inspected.js'
import type { RemovalStep } from '../../contract/removal-step.js'
import type { StatsBatch, StatsTotals } from '../../contract/statistics.js'
import type { Acquired, Attempt, CycleProbe, Ended, Outage, Store, Write } from '../../contract/store.js'
import { Availability, type AvailabilityOptions, type Parts } from './availability.js'
import { Client, type ClientOptions } from './connection/client.js'
import { AUDIT } from './scripts/stored-layout.js'
import { Keyspace } from './shard/keyspace.js'
import { Subscribers } from './connection/subscribers.js'

/** The options of a Redis store. */
export interface RedisStoreOptions extends ClientOptions, AvailabilityOptions {
  /** If given, the store tracks changes, and calls this when a server refuses to report them. */
  readonly onUntracked?: ((error: unknown) => void) | undefined
}

/** The store in Redis, with an index that lists, counts and deletes below a key without walking the database. */
export class RedisStore implements Store {
  readonly kind: 'redis' | 'cluster'
  readonly place: string
  readonly #client: Client
  readonly #subscribers: Subscribers
  readonly #availability: Availability
  #onOutageEnd: (outage: Outage) => void = () => undefined

  constructor(options: RedisStoreOptions) {
    this.#client = new Client(options)
    this.kind = this.#client.kind
    this.place = JSON.stringify([...this.#client.place, options.keyPrefix])
    this.#subscribers = openSubscribers(this.#client, options)
    this.#availability = new Availability({
      ...options,
      client: this.#client,
      subscribers: this.#subscribers,
      onOutageEnd: (outage) => this.#onOutageEnd(outage),
    })
  }

  now(key?: string): number {
    return (key === undefined ? this.#parts.shards.first : this.#parts.shards.of(key)).now()
  }

  doubtClock(key: string): void {
    this.#parts.shards.of(key).connection.doubtClock()
  }

  backend(): BackendStats {
    const { up, since, error } = this.#availability
    const trips = this.#parts.shards.all.map(({ connection }) => connection.clock.roundTripMs ?? 0)
    return {
      kind: this.kind,
      up,
      since,
      roundTripMs: up ? Math.max(...trips) : null,
      address: this.#client.address,
      error: up ? undefined : error === undefined ? 'there is no connection yet' : reasonOf(error),
    }
  }

  outageOf(key: string): Outage | undefined {
    return this.#parts.shards.of(key).connection.outage
  }

  onOutageEnd(listener: (outage: Outage) => void): void {
    this.#onOutageEnd = listener
  }

  read<T>(key: string, found: (bytes: Buffer | undefined, nowMs: number) => T | Promise<T>): Promise<T> {
    return this.#parts.reads.read(key, found)
  }

  readMany<T>(
    keys: readonly string[],
    found: (bytes: Buffer | undefined, nowMs: number, place: number) => T,
    failed: (error: unknown, place: number) => T,
  ): Promise<T[]> {
    return this.#parts.reads.readMany(keys, found, failed)
  }

  peek(key: string): Promise<Buffer | undefined> {
    return this.#parts.shards.of(key).read(key)
  }

  peekMany(keys: readonly string[]): Promise<({ head: Buffer; size: number } | undefined)[]> {
    return this.#parts.shards.gather(keys, same, (shard, some) => shard.peekMany(some))
  }

  write(entries: readonly Write[]): Promise<boolean[]> {
    return this.#parts.writes.write(entries)
  }

  remove(keys: readonly string[]): Promise<string[]> {
    this.#parts.reads.flush()
    return this.#parts.removals.keys(keys)
  }

  removeTree(key: string, step?: RemovalStep): Promise<string[]> {
    this.#parts.reads.flush()
    return this.#parts.removals.tree(key, step)
  }

  clear(step?: RemovalStep): Promise<number> {
    this.#parts.reads.flush()
    return this.#parts.removals.everything(step)
  }

  removeTag(tag: string, step?: RemovalStep): Promise<string[]> {
    this.#parts.reads.flush()
    return this.#parts.removals.tag(tag, step)
  }

  async listTag(tag: string, limit: number): Promise<{ keys: string[]; total: number }> {
    const parts = await Promise.all(this.#parts.shards.all.map(({ tags }) => tags.list(tag, limit)))
    return {
      keys: parts.flatMap(({ keys }) => keys).slice(0, limit),
      total: parts.reduce((sum, { total }) => sum + total, 0),
    }
  }

  list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage> {
    return this.#parts.listing.list(under, after, limit)
  }

  children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage> {
    return this.#parts.listing.children(under, after, limit)
  }

  count(under: string | undefined): Promise<number> {
    return this.#parts.listing.count(under)
  }

  acquire(attempt: Attempt): Promise<Acquired> {
    return this.#parts.shards.of(attempt.key).leases.acquire(attempt)
  }

  isFollowed(key: string, token: string): Promise<boolean> {
    return this.#parts.shards.of(key).leases.isFollowed(key, token)
  }

  renew(key: string, token: string, leaseMs: number, tags: readonly string[]): Promise<boolean> {
    return this.#parts.shards.of(key).leases.renew(key, token, leaseMs, tags)
  }

  fill(entry: Write, token: string): Promise<boolean> {
    return this.#parts.writes.fill(entry, token)
  }

  release(
    key: string,
    token: string,
    ended: 'nothing' | 'voided',
    pauseMs: number,
    tags?: readonly string[],
  ): Promise<boolean> {
    return this.#parts.shards.of(key).leases.release(key, token, ended, pauseMs, tags)
  }

  async computations(): Promise<Computation[]> {
    return (await Promise.all(this.#parts.shards.all.map(({ leases }) => leases.list()))).flat()
  }

  onEnded(listener: (key: string, ended: Ended) => void): void {
    this.#subscribers.onEnded(listener)
  }

  onTagRemoved(listener: (tag: string) => void): void {
    this.#subscribers.onTagRemoved(listener)
  }

  sendCycleProbe(probe: CycleProbe): Promise<void> {
    return this.#parts.shards.first.leases.sendCycleProbe(probe)
  }

  onCycleProbe(listener: (probe: CycleProbe) => void): void {
    this.#subscribers.onCycleProbe(listener)
  }

  get hearsEnds(): boolean {
    return this.#subscribers.hears
  }

  onHearing(listener: () => void): void {
    this.#subscribers.onHearing(listener)
  }

  onChanged(listener: (keys: readonly string[] | undefined) => void): void {
    this.#subscribers.onChanged((names) => {
      // Not earlier, because the number of shards decides what comes before the keys, and it may have changed.
      const start = this.#client.ownPrefix.length + this.#parts.shards.first.keyspace.entries.length
      listener(names?.map((name) => name.slice(start)))
    })
  }

  get tracks(): boolean {
    return this.#subscribers.tracks
  }

  async probe(): Promise<void> {
    await Promise.all(this.#parts.shards.all.map((shard) => shard.probe()))
    await this.#subscribers.mustHear()
  }

  addStats(batch: StatsBatch): Promise<void> {
    return this.#parts.stats.add(batch, this.now())
  }

  readStats(): Promise<StatsTotals> {
    return this.#parts.stats.read()
  }

  async appendLog(line: string): Promise<void> {
    const { connection, keyspace } = this.#parts.shards.first
    await connection.send((redis) => redis.xadd(keyspace.log, 'MAXLEN', '~', AUDIT.atMost, '*', AUDIT.line, line))
  }

  async readLog(limit: number): Promise<string[]> {
    const { connection, keyspace } = this.#parts.shards.first
    const entries = await connection.send((redis) => redis.xrevrange(keyspace.log, '+', '-', 'COUNT', limit))
    return entries.map(([, fields]) => fields[1] ?? '')
  }

  async close(): Promise<void> {
    this.#subscribers.close()
    this.#parts.reads.flush()
    this.#parts.writes.flush()
    for (const { leases } of this.#parts.shards.all) leases.flush()
    this.#availability.close()
    await this.#client.close()
  }

  get #parts(): Parts {
    return this.#availability.parts
  }
}

function openSubscribers(client: Client, { keyPrefix, onUntracked, onError }: RedisStoreOptions): Subscribers {
  const { wake, entries } = new Keyspace(keyPrefix, '')
  return new Subscribers({
    client,
    wake,
    tracked: onUntracked === undefined ? undefined : client.ownPrefix + entries,
    onUntracked: onUntracked ?? (() => undefined),
    onError,
  })
}
