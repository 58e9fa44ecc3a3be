import type { Computation } from '../../../contract/inspected.js'
import type { Acquired, Attempt, CycleProbe, Write } from '../../../contract/store.js'
import { Batch } from './turn-batch.js'
import type { Connection } from '../connection/connection.js'
import type { Evictions } from './evictions.js'
import { isTimestamp } from './is-timestamp.js'
import type { Keyspace } from './keyspace.js'
import type { RedisTags } from './redis-tags.js'
import { ACQUIRE, FILL, RELEASE, RENEW } from '../scripts/lease-scripts.js'
import { ENTRY, readLease, writeCycleProbe } from '../scripts/stored-layout.js'
import { chunks, chunksByTags } from './chunks.js'

/** A computed entry, and the token of its lease. */
interface Fill {
  readonly entry: Write
  readonly token: string
}

/**
 * The computations of a shard's keys that are under way in all processes. Attempts that come together are sent together, and so are entries
 * that were computed together.
 */
export class RedisLeases {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #evictions: Evictions
  readonly #tags: RedisTags
  readonly #attempts: Batch<Attempt, Acquired>
  readonly #fills: Batch<Fill, boolean>

  constructor(connection: Connection, keyspace: Keyspace, evictions: Evictions, tags: RedisTags) {
    this.#connection = connection
    this.#keyspace = keyspace
    this.#evictions = evictions
    this.#tags = tags
    this.#attempts = new Batch(chunks, (attempts) => this.#acquire(attempts))
    this.#fills = new Batch(
      (all) => chunksByTags(all, ({ item }) => item.entry),
      (fills) => this.#fill(fills),
    )
  }

  acquire(attempt: Attempt): Promise<Acquired> {
    return this.#attempts.ask(attempt)
  }

  async isFollowed(key: string, token: string): Promise<boolean> {
    const line = await this.#connection.send((client) => client.hget(this.#keyspace.leases, key))
    const lease = readLease(line ?? '', this.#connection.clock.now())
    return lease?.token === token && lease.isFollowed
  }

  async renew(key: string, token: string, leaseMs: number, tags: readonly string[]): Promise<boolean> {
    const { leases, tombstones, wake } = this.#keyspace
    return (await this.#connection.run(RENEW, [leases, tombstones], [wake, key, token, leaseMs, ...tags])) === 1
  }

  fill(entry: Write, token: string): Promise<boolean> {
    return this.#fills.ask({ entry, token })
  }

  async release(
    key: string,
    token: string,
    ended: 'nothing' | 'voided',
    pauseMs: number,
    tags: readonly string[] = [],
  ): Promise<boolean> {
    const { leases, tombstones, wake } = this.#keyspace
    const what = [wake, key, token, ended, Math.round(pauseMs), ...tags]
    return (await this.#connection.run(RELEASE, [leases, tombstones], what)) === 1
  }

  /** Sends a probe to all processes, by whichever server. */
  async sendCycleProbe(probe: CycleProbe): Promise<void> {
    await this.#connection.send((client) => client.publish(this.#keyspace.wake, writeCycleProbe(probe)))
  }

  /** Sends the attempts and entries that wait. */
  flush(): void {
    this.#attempts.flush()
    this.#fills.flush()
  }

  async list(): Promise<Computation[]> {
    const now = this.#connection.clock.now()
    const leases = await this.#connection.send((client) => client.hgetall(this.#keyspace.leases))
    return Object.entries(leases).flatMap(([key, line]) => {
      const lease = readLease(line, now)
      if (lease === undefined || !isTimestamp(lease.sinceMs)) return []
      return [{ key, process: lease.process, since: new Date(lease.sinceMs) }]
    })
  }

  async #acquire(attempts: readonly Attempt[]): Promise<Acquired[]> {
    const keys = [this.#keyspace.leases, ...attempts.map(({ key }) => this.#keyspace.entry(key))]
    const what = attempts.flatMap(({ token, process, leaseMs, seen, follows, patient }) => [
      token,
      process,
      leaseMs,
      seen === 'any' ? '*' : (seen?.subarray(-ENTRY.checksumBytes) ?? ''),
      follows ? 1 : 0,
      patient ? 1 : 0,
    ])
    const firstBytes = Buffer.byteLength((attempts[0] as Attempt).key)
    const replies = (await this.#evictions.makingRoom(() =>
      this.#connection.runForBytes(ACQUIRE, keys, [this.#connection.deadlineOf(), firstBytes, ...what]),
    )) as Reply[]
    if (replies.some(([kind]) => String(kind) === 'late')) this.#connection.doubtClock()
    return replies.map(acquired)
  }

  async #fill(fills: readonly Fill[]): Promise<boolean[]> {
    const { leases, index, expiry, tombstones, wake } = this.#keyspace
    const { key, tags } = (fills[0] as Fill).entry
    const keys = [
      leases,
      index,
      expiry,
      tombstones,
      ...fills.map(({ entry }) => this.#keyspace.entry(entry.key)),
      ...this.#keyspace.tagSets(tags),
    ]
    const what = [
      wake,
      fills.length,
      Buffer.byteLength(key),
      ...fills.flatMap(({ entry: { bytes, expiresAt }, token }) => [token, bytes, expiryArgument(expiresAt)]),
      ...tags,
    ]
    const bytes = fills.reduce((sum, { entry }) => sum + entry.bytes.length, 0)
    const filled = (await this.#evictions.makingRoom(() => this.#connection.run(FILL, keys, what, bytes))) as number[]
    this.#tags.wrote(tags.length)
    return filled.map((each) => each === 1)
  }
}

/** What `ACQUIRE` returns for one attempt. */
type Reply = [kind: Buffer, detail?: Buffer | number, leader?: Buffer, entry?: Buffer]

function acquired([kind, detail, leader, entry]: Reply): Acquired {
  switch (kind.toString()) {
    case 'value':
      return { kind: 'value', bytes: detail as Buffer }
    case 'leads':
      return { kind: 'leads' }
    case 'paused':
      return { kind: 'paused', leftMs: Number(detail) }
    case 'late':
      throw new Error('the attempt reached Redis after its deadline')
    default:
      return { kind: 'follows', leader: String(leader), leftMs: Number(detail), entry }
  }
}

/**
 * The time at which an entry expires, as an argument for Redis. A time beyond the safe integers counts as never, because Redis would refuse
 * it, and all that is sent with it.
 */
export function expiryArgument(expiresAt: number): string {
  return expiresAt <= Number.MAX_SAFE_INTEGER ? String(Math.ceil(expiresAt)) : '+inf'
}
