import type { Client } from './connection/client.js'
import type { Connection } from './connection/connection.js'
import { IndexRebuild } from './shards/index-rebuild.js'
import { IndexUpkeep } from './shards/index-upkeep.js'
import { Listing } from './shards/listing.js'
import { Meta } from './meta.js'
import { ReadBatch } from './shards/read-batch.js'
import { RedisStats } from './shard/redis-stats.js'
import { Removals } from './shards/removals.js'
import { Shards } from './shards/shards.js'
import type { Subscribers } from './connection/subscribers.js'
import { WriteBatch } from './shards/write-batch.js'

/** What its user says of a store's servers. */
export interface AvailabilityOptions {
  /** What every name in Redis begins with. */
  readonly keyPrefix: string
  /** How long an answer may take. */
  readonly timeoutMs: number
  /** Into how many shards a Cluster's keys are divided, if this process is the first to say so: 16 or 64. */
  readonly shards: number
  /** Called on each change between answering and not answering. */
  readonly onState: (up: boolean, error: unknown) => void
  /** Called when other processes had divided the keys otherwise than this one would have. */
  readonly onOtherShards: (agreed: number, own: number) => void
  /** Called with what failed in the background. */
  readonly onError: (operation: string, error: unknown) => void
}

/** What a store's availability goes by. */
export interface AvailabilitySetting extends AvailabilityOptions {
  readonly client: Client
  readonly subscribers: Subscribers
}

/** What goes by how many shards there are. */
export interface Parts {
  readonly shards: Shards
  readonly listing: Listing
  readonly removals: Removals
  readonly reads: ReadBatch
  readonly writes: WriteBatch
  readonly stats: RedisStats
}

/** How often a server that does not answer is probed; one that does, every second time. */
const PROBE_EVERY_MS = 500
/** How often one of all processes does the upkeep. */
const UPKEEP_EVERY_MS = 500

/**
 * Whether all servers of a store answer. On each new connection it learns into how many shards the keys are divided, then probes each
 * shard again and again, and sees to it that the index is whole and kept up.
 */
export class Availability {
  readonly #setting: AvailabilitySetting
  readonly #meta: Meta
  readonly #rebuild: IndexRebuild
  readonly #upkeep: IndexUpkeep
  readonly #timers: readonly NodeJS.Timeout[]
  #parts: Parts
  /** Whether it is known how many shards there are, on the connection that stands. */
  #agreed = false
  #agreeing: Promise<void> | undefined
  #rounds = 0
  #isUp: boolean | undefined
  #closed = false
  #since = new Date()

  constructor(setting: AvailabilitySetting) {
    const { client, subscribers, keyPrefix, shards } = setting
    this.#setting = setting
    this.#meta = new Meta(client, keyPrefix)
    this.#rebuild = new IndexRebuild(client, keyPrefix)
    this.#upkeep = new IndexUpkeep(client)
    this.#parts = this.#open(client.kind === 'cluster' ? shards : 1)
    client.on('ready', () => this.#connected())
    client.on('close', () => this.#disconnected())
    client.on('refresh', () => subscribers.follow())
    client.on('+node', () => subscribers.follow())
    if (client.isReady) this.#connected()
    this.#timers = [
      setInterval(() => this.#round(), PROBE_EVERY_MS).unref(),
      setInterval(() => this.#keepUp(), UPKEEP_EVERY_MS).unref(),
    ]
  }

  /** By the number of shards known now. */
  get parts(): Parts {
    return this.#parts
  }

  get up(): boolean {
    return this.#isUp === true
  }

  /** Since when they answer, or do not. */
  get since(): Date {
    return this.#since
  }

  /** Probes nothing any more, and lets nothing be sent. */
  close(): void {
    this.#closed = true
    for (const timer of this.#timers) clearInterval(timer)
    for (const { connection } of this.#parts.shards.all) connection.close()
  }

  #open(count: number): Parts {
    const { client, keyPrefix, timeoutMs } = this.#setting
    const shards = new Shards({ client, keyPrefix, timeoutMs, onOpen: () => this.#suspect() }, count)
    const reads = new ReadBatch(shards)
    return {
      shards,
      listing: new Listing(shards, this.#rebuild),
      removals: new Removals(shards, this.#rebuild, () => this.#makeWhole()),
      reads,
      writes: new WriteBatch(shards, reads),
      stats: new RedisStats(shards.first.connection, shards.first.keyspace),
    }
  }

  #connected(): void {
    for (const { connection } of this.#parts.shards.all) connection.restart()
    this.#agreed = false
    this.#setting.subscribers.follow()
    void this.#agree()
  }

  #disconnected(): void {
    this.#setting.subscribers.doubt()
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
    const [size, agreed] = await Promise.all([this.#setting.client.size(), this.#meta.agree(count)])
    if (agreed !== count) {
      this.#setting.onOtherShards(agreed, count)
      for (const { connection } of this.#parts.shards.all) connection.close()
      this.#parts = this.#open(agreed)
    }
    // Before anybody asks: what finds no index looks through the whole database.
    if (size === 0) await this.#rebuild.begin(this.#parts.shards)
    this.#agreed = true
    await this.#probe(() => true)
  }

  #round(): void {
    if (!this.#setting.client.isReady) return
    this.#setting.subscribers.follow()
    this.#rounds++
    if (this.#rounds % 2 === 0) this.#setting.subscribers.check()
    void (this.#agreed ? this.#probe(this.#rounds % 2 === 0 ? () => true : isDown) : this.#agree())
  }

  async #probe(which: (connection: Connection) => boolean): Promise<void> {
    const connections = this.#parts.shards.all.map(({ connection }) => connection)
    await Promise.all(connections.filter(which).map((connection) => connection.probe()))
    this.#judge()
  }

  #keepUp(): void {
    if (this.#isUp !== true || !this.#setting.client.isReady) return
    const shards = this.#parts.shards
    this.#upkeep
      .round(shards)
      // What all go by may have been evicted, or deleted with everything.
      .then((mine) => (mine ? this.#meta.agree(shards.all.length) : undefined))
      .catch((error: unknown) => this.#setting.onError('upkeep', error))
  }

  /** A breaker has opened: one more try at once, since a server that only was late is back at once. */
  #suspect(): void {
    this.#judge()
    if (this.#setting.client.isReady) void this.#probe(isDown)
  }

  /** Tells when all servers answer, and when one stops. */
  #judge(error?: unknown): void {
    const { all: shards } = this.#parts.shards
    const down = shards.find(({ connection }) => !connection.up)
    const up = down === undefined
    if (up === this.#isUp || this.#closed) return
    this.#isUp = up
    this.#since = new Date()
    this.#setting.onState(up, up ? undefined : (error ?? down.connection.lastError))
    // Another server may answer now, or the same one without its data.
    if (up) this.#makeWhole()
  }

  /** Has the index made whole in the background, if it is not. */
  #makeWhole(): void {
    this.#rebuild.done(this.#parts.shards).catch((error: unknown) => this.#setting.onError('rebuild', error))
  }
}

function isDown({ up }: Connection): boolean {
  return !up
}
