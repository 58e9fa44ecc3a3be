import type { BackendStats, ChildPage, Computation, KeyPage } from '../../cache/cache.js'
import type { StatsBatch, StatsTotals } from '../../cache/stats.js'
import type { Acquired, Attempt, Ended, Store, Write } from '../store.js'
import { Client, type ClientOptions } from './client.js'
import type { Connection } from './connection.js'
import { IndexRebuild } from './index-rebuild.js'
import { IndexUpkeep } from './index-upkeep.js'
import { Listing } from './listing.js'
import { Meta } from './meta.js'
import { ReadBatch } from './read-batch.js'
import { RedisStats } from './redis-stats.js'
import { Removals } from './removals.js'
import { Shards } from './shards.js'
import { Subscribers } from './subscribers.js'
import { WriteBatch } from './write-batch.js'

/** Where a Redis store keeps its entries. */
export interface RedisStoreOptions extends ClientOptions {
  /** What every name in Redis begins with. */
  readonly keyPrefix: string
  /** Into how many shards a Cluster's keys are divided, if this process is the first to say so: 16 or 64. */
  readonly shards: number
  /** Called on each change between answering and not answering. */
  readonly onState: (up: boolean, error: unknown) => void
  /** Called when other processes had divided the keys otherwise. */
  readonly onOtherShards: (agreed: number) => void
  /** Given: the store hears of changes, and calls it when a server does not tell of them. */
  readonly onUntracked?: ((error: unknown) => void) | undefined
  /** Called with what failed in the background. */
  readonly onError: (operation: string, error: unknown) => void
}

/** How often a server that does not answer is probed; one that does, every second time. */
const PROBE_EVERY_MS = 500
/** How often one of all processes does the upkeep. */
const UPKEEP_EVERY_MS = 500
const LOG_LINES = 1000

/** What goes by how many shards there are. */
interface Parts {
  readonly shards: Shards
  readonly listing: Listing
  readonly removals: Removals
  readonly reads: ReadBatch
  readonly writes: WriteBatch
  readonly stats: RedisStats
}

/** The store in Redis, with an index that lists, counts and deletes below a key without walking the database. */
export class RedisStore implements Store {
  readonly kind: 'redis' | 'cluster'
  readonly #options: RedisStoreOptions
  readonly #client: Client
  readonly #meta: Meta
  readonly #rebuild: IndexRebuild
  readonly #upkeep: IndexUpkeep
  readonly #subscribers: Subscribers
  readonly #timers: readonly NodeJS.Timeout[]
  #parts: Parts
  /** Whether it is known how many shards there are, on the connection that stands. */
  #agreed = false
  #agreeing: Promise<void> | undefined
  #rounds = 0
  #up: boolean | undefined
  #closed = false
  #since = new Date()

  constructor(options: RedisStoreOptions) {
    const { redis, timeoutMs, keyPrefix } = options
    this.#options = options
    this.#client = new Client({ redis, timeoutMs })
    this.kind = this.#client.kind
    this.#meta = new Meta(this.#client, keyPrefix)
    this.#rebuild = new IndexRebuild(this.#client, keyPrefix)
    this.#upkeep = new IndexUpkeep(this.#client)
    this.#parts = this.#open(this.kind === 'cluster' ? options.shards : 1)
    this.#subscribers = this.#openSubscribers()
    this.#client.on('ready', () => this.#connected())
    this.#client.on('close', () => this.#disconnected())
    this.#client.on('refresh', () => this.#subscribers.follow())
    this.#client.on('+node', () => this.#subscribers.follow())
    if (this.#client.isReady) this.#connected()
    this.#timers = [
      setInterval(() => this.#round(), PROBE_EVERY_MS).unref(),
      setInterval(() => this.#keepUp(), UPKEEP_EVERY_MS).unref(),
    ]
  }

  now(key?: string): number {
    return (key === undefined ? this.#parts.shards.first : this.#parts.shards.of(key)).now()
  }

  backend(): BackendStats {
    const trips = this.#parts.shards.all.map(({ connection }) => connection.clock.roundTripMs ?? 0)
    return {
      kind: this.kind,
      up: this.#up === true,
      since: this.#since,
      roundTripMs: this.#up === true ? Math.max(...trips) : null,
    }
  }

  read(key: string): Promise<Buffer | undefined> {
    this.#parts.writes.flushFor(key)
    return this.#parts.reads.read(key)
  }

  readMany(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    this.#parts.writes.flush()
    return this.#parts.shards.gather(keys, same, (shard, some) => shard.readMany(some))
  }

  look(key: string): Promise<Buffer | undefined> {
    this.#parts.writes.flushFor(key)
    return this.#parts.shards.of(key).read(key)
  }

  lookMany(keys: readonly string[]): Promise<({ head: Buffer; size: number } | undefined)[]> {
    this.#parts.writes.flush()
    return this.#parts.shards.gather(keys, same, (shard, some) => shard.lookMany(some))
  }

  write(entries: readonly Write[]): Promise<boolean[]> {
    for (const { key } of entries) this.#parts.reads.flushFor(key)
    return this.#parts.writes.write(entries)
  }

  remove(keys: readonly string[]): Promise<string[]> {
    this.#flush()
    return this.#parts.removals.keys(keys)
  }

  removeTree(key: string): Promise<string[]> {
    this.#flush()
    return this.#parts.removals.tree(key)
  }

  clear(): Promise<number> {
    this.#flush()
    return this.#parts.removals.everything()
  }

  removeTag(tag: string): Promise<string[]> {
    this.#flush()
    return this.#parts.removals.tag(tag)
  }

  async listTag(tag: string, limit: number): Promise<{ keys: string[]; total: number }> {
    const parts = await Promise.all(this.#parts.shards.all.map(({ tags }) => tags.list(tag, limit)))
    return {
      keys: parts.flatMap(({ keys }) => keys).slice(0, limit),
      total: parts.reduce((sum, { total }) => sum + total, 0),
    }
  }

  list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage> {
    this.#parts.writes.flush()
    return this.#parts.listing.list(under, after, limit)
  }

  children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage> {
    this.#parts.writes.flush()
    return this.#parts.listing.children(under, after, limit)
  }

  count(under: string | undefined): Promise<number> {
    this.#parts.writes.flush()
    return this.#parts.listing.count(under)
  }

  acquire(attempt: Attempt): Promise<Acquired> {
    this.#parts.writes.flushFor(attempt.key)
    return this.#parts.shards.of(attempt.key).leases.acquire(attempt)
  }

  renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return this.#parts.shards.of(key).leases.renew(key, token, leaseMs)
  }

  fill(entry: Write, token: string): Promise<boolean> {
    this.#parts.writes.flushFor(entry.key)
    return this.#parts.shards.of(entry.key).leases.fill(entry, token)
  }

  release(key: string, token: string, ended: 'nothing' | 'voided', pauseMs: number): Promise<boolean> {
    return this.#parts.shards.of(key).leases.release(key, token, ended, pauseMs)
  }

  async computations(): Promise<Computation[]> {
    return (await Promise.all(this.#parts.shards.all.map(({ leases }) => leases.list()))).flat()
  }

  onEnded(listener: (key: string, ended: Ended) => void): void {
    this.#subscribers.onEnded(listener)
  }

  get hearsEnds(): boolean {
    return this.#subscribers.hears
  }

  onHearing(listener: () => void): void {
    this.#subscribers.onHearing(listener)
  }

  onChanged(listener: (keys: readonly string[] | undefined) => void): void {
    const start = this.#client.ownPrefix.length + this.#parts.shards.first.keyspace.entries.length
    this.#subscribers.onChanged((names) => listener(names?.map((name) => name.slice(start))))
  }

  get tracks(): boolean {
    return this.#subscribers.tracks
  }

  async probe(): Promise<void> {
    await Promise.all(this.#parts.shards.all.map((shard) => shard.probe()))
  }

  addStats(batch: StatsBatch): Promise<void> {
    return this.#parts.stats.add(batch, this.now())
  }

  readStats(): Promise<StatsTotals> {
    return this.#parts.stats.read()
  }

  async appendLog(line: string): Promise<void> {
    const { connection, keyspace } = this.#parts.shards.first
    await connection.send((redis) => redis.xadd(keyspace.log, 'MAXLEN', '~', LOG_LINES, '*', 'line', line))
  }

  async readLog(limit: number): Promise<string[]> {
    const { connection, keyspace } = this.#parts.shards.first
    const entries = await connection.send((redis) => redis.xrevrange(keyspace.log, '+', '-', 'COUNT', limit))
    return entries.map(([, fields]) => fields[1] ?? '')
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#subscribers.close()
    this.#flush()
    for (const { connection, leases } of this.#parts.shards.all) {
      leases.flush()
      connection.close()
    }
    await this.#client.close()
  }

  #openSubscribers(): Subscribers {
    const { keyPrefix, onUntracked, onError } = this.#options
    const entries = `${this.#client.ownPrefix}${keyPrefix}:v:`
    return new Subscribers({
      client: this.#client,
      wake: this.#parts.shards.first.keyspace.wake,
      tracked: onUntracked === undefined ? undefined : entries,
      onUntracked: onUntracked ?? (() => undefined),
      onError,
    })
  }

  /** Lets out what waits to be merged, before something that concerns many keys. */
  #flush(): void {
    this.#parts.reads.flush()
    this.#parts.writes.flush()
  }

  #open(count: number): Parts {
    const { keyPrefix, timeoutMs } = this.#options
    const shards = new Shards({ client: this.#client, keyPrefix, timeoutMs, onOpen: () => this.#suspect() }, count)
    return {
      shards,
      listing: new Listing(shards, this.#rebuild),
      removals: new Removals(shards, this.#rebuild, () => this.#makeWhole()),
      reads: new ReadBatch(shards),
      writes: new WriteBatch(shards),
      stats: new RedisStats(shards.first.connection, shards.first.keyspace),
    }
  }

  #connected(): void {
    for (const { connection } of this.#parts.shards.all) connection.restart()
    this.#agreed = false
    this.#subscribers.follow()
    void this.#agree()
  }

  #disconnected(): void {
    this.#subscribers.doubt()
    for (const { connection } of this.#parts.shards.all) connection.lose()
    this.#judge()
  }

  /** Goes by what the first process has said of this prefix; only then its keys can be found. */
  #agree(): Promise<void> {
    this.#agreeing ??= this.#goBy()
      .catch((error: unknown) => this.#judge(error))
      .finally(() => {
        this.#agreeing = undefined
      })
    return this.#agreeing
  }

  async #goBy(): Promise<void> {
    const count = this.#parts.shards.all.length
    const [size, agreed] = await Promise.all([this.#client.size(), this.#meta.agree(count)])
    if (agreed !== count) {
      this.#options.onOtherShards(agreed)
      for (const { connection } of this.#parts.shards.all) connection.close()
      this.#parts = this.#open(agreed)
    }
    // Before anybody asks: what finds no index looks through the whole database.
    if (size === 0) await this.#rebuild.begin(this.#parts.shards)
    this.#agreed = true
    await this.#probe(() => true)
  }

  #round(): void {
    if (!this.#client.isReady) return
    this.#subscribers.follow()
    this.#rounds++
    if (this.#rounds % 2 === 0) this.#subscribers.check()
    void (this.#agreed ? this.#probe(this.#rounds % 2 === 0 ? () => true : isDown) : this.#agree())
  }

  async #probe(which: (connection: Connection) => boolean): Promise<void> {
    const connections = this.#parts.shards.all.map(({ connection }) => connection)
    await Promise.all(connections.filter(which).map((connection) => connection.probe()))
    this.#judge()
  }

  #keepUp(): void {
    if (this.#up !== true || !this.#client.isReady) return
    const shards = this.#parts.shards
    this.#upkeep
      .round(shards)
      // What all go by may have been evicted, or deleted with everything.
      .then((mine) => (mine ? this.#meta.agree(shards.all.length) : undefined))
      .catch((error: unknown) => this.#options.onError('upkeep', error))
  }

  /** A breaker has opened: one more try at once, since a server that only was late is back at once. */
  #suspect(): void {
    this.#judge()
    if (this.#client.isReady) void this.#probe(isDown)
  }

  /** Tells when all servers answer, and when one stops. */
  #judge(error?: unknown): void {
    const { all: shards } = this.#parts.shards
    const down = shards.find(({ connection }) => !connection.up)
    const up = down === undefined
    if (up === this.#up || this.#closed) return
    this.#up = up
    this.#since = new Date()
    this.#options.onState(up, up ? undefined : (error ?? down.connection.lastError))
    // Another server may answer now, or the same one without its data.
    if (up) this.#makeWhole()
  }

  /** Has the index made whole in the background, if it is not. */
  #makeWhole(): void {
    this.#rebuild.done(this.#parts.shards).catch((error: unknown) => this.#options.onError('rebuild', error))
  }
}

function isDown({ up }: Connection): boolean {
  return !up
}

function same(key: string): string {
  return key
}
