import { reasonOf } from '../../checks/reason.js'
import { realTime } from '../../checks/real-time.js'
import type { Outage } from '../../contract/store.js'
import type { Upkeep } from '../../contract/upkeep.js'
import type { Client } from './connection/client.js'
import type { Connection } from './connection/connection.js'
import { IndexRebuild } from './shards/index-rebuild.js'
import { IndexUpkeep } from './shards/index-upkeep.js'
import { Listing } from './shards/listing.js'
import { Meta } from './meta.js'
import { ReadBatch } from './shards/read-batch.js'
import { RedisStats } from './shard/redis-stats.js'
import { Removals } from './shards/removals.js'
import type { Shard } from './shard/shard.js'
import { Shards } from './shards/shards.js'
import type { Subscribers } from './connection/subscribers.js'
import { type Pace, Turns } from './turns.js'
import { WriteBatch } from './shards/write-batch.js'

/** What the user of a store sets about its servers. */
export interface AvailabilityOptions {
  /** What every name in Redis begins with. */
  readonly keyPrefix: string
  /** How long a server may be silent. */
  readonly timeoutMs: number
  /** The number of shards for the keys of a Cluster, if this process is the first to set it: 16 or 64. */
  readonly shards: number
  /** How many commands a process sends that no caller asked for. */
  readonly upkeep: Upkeep
  /** Called when the store starts or stops answering. */
  readonly onState: (up: boolean, error: unknown) => void
  /** Called when other processes use another number of shards than this one asked for. */
  readonly onOtherShards: (agreed: number, own: number) => void
  /** Called with each error in the background. */
  readonly onError: (operation: string, error: unknown) => void
}

/** What `Availability` needs. */
export interface AvailabilitySetting extends AvailabilityOptions {
  readonly client: Client
  readonly subscribers: Subscribers
  /** Called when an outage of a server ends, before anybody gets the answer that ends it. */
  readonly onOutageEnd: (outage: Outage) => void
}

/** The parts of a store that depend on the number of shards. */
export interface Parts {
  readonly shards: Shards
  readonly listing: Listing
  readonly removals: Removals
  readonly reads: ReadBatch
  readonly writes: WriteBatch
  readonly stats: RedisStats
  readonly upkeep: IndexUpkeep
}

/** How often a server that does not answer is probed. */
const PROBE_EVERY_MS = 500
/** After how many rounds without a connection the store counts as down, if nothing else has said so. */
const UNREADY_ROUNDS = 8
/** How often a process pings, probes and keeps up, and for how long one of all processes has the upkeep. */
const PACES: Readonly<Record<Upkeep, Pace & { leaseMs: number }>> = {
  shared: { everyMs: 1000, atOnce: Infinity, leaseMs: 10_000 },
  low: { everyMs: 2000, atOnce: 1, leaseMs: 60_000 },
}

/**
 * Watches whether all servers of a store answer. On each new connection it reads the number of shards and probes each shard, then each
 * server again and again. It also starts the rebuild and the upkeep of the index.
 */
export class Availability {
  readonly #setting: AvailabilitySetting
  readonly #meta: Meta
  readonly #rebuild: IndexRebuild
  readonly #turns: Turns
  readonly #timer: NodeJS.Timeout
  #parts: Parts
  /** Whether the number of shards was read on the present connection. */
  #agreed = false
  #agreeing: Promise<void> | undefined
  /** Why the last try to agree failed, so that it is told once. */
  #disagreed: string | undefined
  #rounds = 0
  #isUp: boolean | undefined
  #closed = false
  #since = new Date()

  constructor(setting: AvailabilitySetting) {
    const { client, subscribers, keyPrefix, shards } = setting
    this.#setting = setting
    this.#meta = new Meta(client, keyPrefix)
    this.#rebuild = new IndexRebuild(client, keyPrefix)
    this.#parts = this.#open(client.kind === 'cluster' ? shards : 1)
    client.on('ready', () => this.#connected())
    client.on('close', () => this.#disconnected())
    client.on('refresh', () => subscribers.follow())
    client.on('+node', () => subscribers.follow())
    client.on('end', () => this.#disconnected())
    client.on('select', () => this.#selected())
    if (client.isReady) this.#connected()
    // Not at once, because nobody listens to this cache yet.
    if (client.hasEnded) realTime.setImmediate(() => this.#disconnected())
    this.#timer = realTime.setInterval(() => this.#round(), PROBE_EVERY_MS).unref()
    this.#turns = new Turns(PACES[setting.upkeep], () => this.#duties())
  }

  /** The parts for the number of shards known now. */
  get parts(): Parts {
    return this.#parts
  }

  get up(): boolean {
    return this.#isUp === true
  }

  /** Since when the store is up or down. */
  get since(): Date {
    return this.#since
  }

  /** Why the store does not answer. `undefined` while it does, and before that is known. */
  get error(): unknown {
    const down = this.#parts.shards.all.find(isDownShard)
    if (down === undefined) return undefined
    return down.connection.lastError ?? (this.#setting.client.isReady ? undefined : new Error('no connection yet'))
  }

  /** Ends all probing, and lets nothing more be sent. */
  close(): void {
    this.#closed = true
    realTime.clearInterval(this.#timer)
    this.#turns.close()
    for (const { connection } of this.#parts.shards.all) connection.close()
  }

  #open(count: number): Parts {
    const { client, keyPrefix, timeoutMs, upkeep, onOutageEnd } = this.#setting
    const shards = new Shards({ client, keyPrefix, timeoutMs, onOpen: () => this.#suspect(), onOutageEnd }, count)
    const reads = new ReadBatch(shards, timeoutMs)
    return {
      shards,
      listing: new Listing(shards, this.#rebuild),
      removals: new Removals(shards, this.#rebuild, () => this.#makeWhole()),
      reads,
      writes: new WriteBatch(shards, reads, timeoutMs),
      stats: new RedisStats(shards.first.connection, shards.first.keyspace),
      upkeep: new IndexUpkeep({
        client,
        shards,
        leaseMs: PACES[upkeep].leaseMs,
        // The shared settings may have been evicted, or flushed with everything else. This writes them again.
        onHeld: () => this.#meta.agree(shards.all.length),
      }),
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
    if (this.#isUp === true) this.#judge()
    else void this.#setting.client.reasonKnown.then(() => this.#judge())
  }

  /** Reads what the first process wrote for this prefix. Only then can its keys be found. */
  #agree(): Promise<void> {
    this.#agreeing ??= this.#goBy()
      .then(() => (this.#disagreed = undefined))
      .catch(async (error: unknown) => this.#disagree(await this.#parts.shards.first.connection.explain(error)))
      .finally(() => {
        this.#agreeing = undefined
      })
    return this.#agreeing
  }

  /** The owner of the client has selected a database. While it is another one, nothing may be read or written. */
  #selected(): void {
    const { strayed } = this.#setting.client
    this.#agreed &&= strayed === undefined
    if (strayed !== undefined) this.#disagree(strayed)
    else if (!this.#agreed && this.#setting.client.isReady) void this.#agree()
  }

  /** There is a connection, and nothing can be kept there. It is tried again in the next round. */
  #disagree(error: unknown): void {
    // If the connection was lost meanwhile, the client says why.
    const { isReady } = this.#setting.client
    for (const { connection } of this.#parts.shards.all) connection.lose(isReady ? error : undefined)
    const reason = reasonOf(error)
    if (isReady && reason !== this.#disagreed && !this.#closed) this.#setting.onError('connect', error)
    this.#disagreed = reason
    this.#judge()
  }

  async #goBy(): Promise<void> {
    await this.#setting.client.select()
    const count = this.#parts.shards.all.length
    const [isEmpty, agreed] = await Promise.all([this.#setting.client.isEmpty(), this.#meta.agree(count)])
    if (agreed !== count) {
      this.#setting.onOtherShards(agreed, count)
      for (const { connection } of this.#parts.shards.all) connection.close()
      this.#parts = this.#open(agreed)
    }
    // This must come before any read of the index, because a read that finds no index scans the whole database.
    if (isEmpty) await this.#rebuild.begin(this.#parts.shards)
    this.#agreed = true
    await this.#probe(() => true)
  }

  #round(): void {
    this.#rounds++
    if (!this.#setting.client.isReady) {
      // A server that takes connections and no commands sends no event.
      if (this.#rounds > UNREADY_ROUNDS) this.#judge()
      return
    }
    this.#setting.subscribers.follow()
    void (this.#agreed ? this.#probe(isDown) : this.#agree())
  }

  async #probe(which: (connection: Connection) => boolean): Promise<void> {
    const connections = this.#parts.shards.all.map(({ connection }) => connection)
    await Promise.all(connections.filter(which).map((connection) => connection.probe()))
    this.#judge()
  }

  /** What this process sends while it does nothing else. Servers that are down are probed by `#round`. */
  #duties(): (() => void)[] {
    const { client, subscribers } = this.#setting
    if (!client.isReady) return []
    const { shards, upkeep } = this.#parts
    const probes = shards.byServer().map((those) => () => void this.#probeServer(those))
    const keepUp = this.up ? upkeep.due() : []
    return [...subscribers.checks(), ...probes, ...keepUp.map((step) => () => this.#keepUp(step))]
  }

  async #probeServer(shards: readonly Shard[]): Promise<void> {
    const [first, ...others] = shards.map(({ connection }) => connection).filter(({ up }) => up)
    // What is down is probed by `#round`. Before the first answer, nothing is up, and nobody knows yet that it is down.
    if (first === undefined) return
    await first.probe(others)
    this.#judge()
  }

  #keepUp(step: () => Promise<void>): void {
    if (!this.up || !this.#setting.client.isReady) return
    step().catch((error: unknown) => this.#setting.onError('upkeep', error))
  }

  /** A breaker has opened. Probe once more at once, because a server that was only late answers at once. */
  #suspect(): void {
    this.#judge()
    if (this.#setting.client.isReady) void this.#probe(isDown)
  }

  /** Reports when all servers answer, and when one stops. */
  #judge(): void {
    const up = !this.#parts.shards.all.some(isDownShard)
    if (up === this.#isUp || this.#closed) return
    this.#isUp = up
    this.#since = new Date()
    this.#setting.onState(up, this.error)
    // Another server may answer now, or the same one without its data. So the index may be lost.
    if (up) this.#makeWhole()
  }

  /** Rebuilds the index in the background, if it is not whole. */
  #makeWhole(): void {
    this.#rebuild.done(this.#parts.shards).catch((error: unknown) => this.#setting.onError('rebuild', error))
  }
}

function isDown({ up }: Connection): boolean {
  return !up
}

function isDownShard({ connection }: Shard): boolean {
  return isDown(connection)
}
