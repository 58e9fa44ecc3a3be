import type { Computation } from '../../cache/cache.js'
import type { Acquired, Attempt, Write } from '../store.js'
import type { Connection } from './connection.js'
import type { Keyspace } from './keyspace.js'
import { ACQUIRE, FILL, RELEASE, RENEW } from './lease-scripts.js'

/** Where an entry's checksum stands in its header: it tells one entry from another. */
const CHECKSUM = { from: 18, to: 22 }

/** The computations of a shard's keys that are under way in all processes. */
export class RedisLeases {
  readonly #connection: Connection
  readonly #keyspace: Keyspace

  constructor(connection: Connection, keyspace: Keyspace) {
    this.#connection = connection
    this.#keyspace = keyspace
  }

  async acquire({ key, token, process, leaseMs, seen, follows, patient }: Attempt): Promise<Acquired> {
    const [kind, detail] = (await this.#connection.runForBytes(
      ACQUIRE,
      [this.#keyspace.leases, this.#keyspace.entry(key)],
      [
        key,
        token,
        process,
        leaseMs,
        seen === 'any' ? '*' : (seen?.subarray(CHECKSUM.from, CHECKSUM.to) ?? ''),
        follows ? 1 : 0,
        patient ? 1 : 0,
        this.#connection.deadline,
      ],
    )) as [Buffer, (Buffer | number)?]
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
        return { kind: 'follows', leftMs: Number(detail) }
    }
  }

  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return (await this.#connection.run(RENEW, [this.#keyspace.leases], [key, token, leaseMs])) === 1
  }

  async fill({ key, bytes, expiresAt, tags }: Write, token: string): Promise<boolean> {
    const { leases, index, expiry, tombstones, wake } = this.#keyspace
    return (
      (await this.#connection.run(
        FILL,
        [leases, index, expiry, this.#keyspace.entry(key), tombstones, ...this.#keyspace.tagSets(tags)],
        [wake, key, token, bytes, expiryArgument(expiresAt), ...tags],
      )) === 1
    )
  }

  async release(key: string, token: string, ended: 'nothing' | 'voided', pauseMs: number): Promise<boolean> {
    const { leases, wake } = this.#keyspace
    return (await this.#connection.run(RELEASE, [leases], [wake, key, token, ended, Math.round(pauseMs)])) === 1
  }

  async list(): Promise<Computation[]> {
    const now = this.#connection.clock.now()
    const leases = await this.#connection.send((client) => client.hgetall(this.#keyspace.leases))
    return Object.entries(leases).flatMap(([key, lease]) => {
      const [, until, since, token, process] = /^(\d+) (\d+) (\S+) [01] (.*)$/.exec(lease) ?? []
      if (process === undefined || token === '-' || Number(until) <= now) return []
      return [{ key, process, since: new Date(Number(since)) }]
    })
  }
}

/** When an entry expires, as Redis takes it. */
export function expiryArgument(expiresAt: number): string {
  return Number.isFinite(expiresAt) ? String(Math.ceil(expiresAt)) : '+inf'
}
