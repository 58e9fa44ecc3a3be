import type { Acquired } from '../../contract/store.js'
import type { LeaseEnd, LeaseEnds } from '../leases/lease-ends.js'
import type { Events } from '../../contract/events/events.js'
import { type FactoryPlan, type Outcome, runOnce } from '../factories/factory-run.js'
import { Lease, type LeaseSetting } from '../leases/lease.js'
import { nextLogicalTime } from './logical-clock.js'
import type { Lifetime } from '../../contract/options/option-checks.js'
import { type Result, resultOf } from './result.js'
import { processName } from '../../statistics/stats.js'
import { schemaError, type Stored, type EntryCodec } from '../../values/entry-codec.js'
import { quoted } from '../../checks/one-line.js'
import { keptUntil } from '../../values/freshness.js'

/** What computations of one cache have in common. */
export interface ComputationSetting extends LeaseSetting {
  /** Stands for the cache, to tell its keys from those of others. */
  readonly cache: object
  readonly codec: EntryCodec
  readonly events: Events
  readonly leaseEnds: LeaseEnds
  /** The bytes of what was computed; `undefined` when it cannot be stored. */
  readonly encode: (
    key: string,
    value: unknown,
    life: Lifetime,
    computeMs: number,
    tags: readonly string[],
  ) => Buffer | undefined
}

/** What is to be computed, and how. */
export interface ComputationPlan extends FactoryPlan {
  /** The bytes that were read and found wanting; `any` to compute whatever is stored. */
  readonly seen: Buffer | 'any' | undefined
  /** The value that will be replaced, and serves meanwhile. */
  readonly stale: Stored | undefined
  /**
   * `wait` for others who compute the key, `leave` it to them, or compute `alone` without asking them, since the store did not answer.
   */
  readonly manner: 'wait' | 'leave' | 'alone'
  /** Told when another one computes the key, or nobody does. */
  readonly onFollow?: (() => void) | undefined
}

const MIN_PAUSE_MS = 1000
const MAX_PAUSE_MS = 30_000

let computations = 0
const tokenPrefix = `${process.pid.toString(36)}${Math.random().toString(36).slice(2)}`

/** One computation of one key in this process: it leads, or follows the one that leads. */
export class Computation {
  readonly result: Promise<Result>
  readonly #setting: ComputationSetting
  readonly #plan: ComputationPlan
  readonly #abort = new AbortController()
  #isAbandoned = false
  #isVoid = false
  #lease: Lease | undefined
  #voided: Promise<'voided'> | undefined
  #tellVoided: (voided: 'voided') => void = () => undefined

  constructor(setting: ComputationSetting, plan: ComputationPlan) {
    this.#setting = setting
    this.#plan = plan
    this.result = Promise.resolve().then(() => (plan.manner === 'alone' ? this.#alone() : this.#leadOrFollow()))
  }

  /** Whether its lease is known to be lost, to a write or delete or to another process: only the call that began it may have the result. */
  get isVoid(): boolean {
    return this.#isVoid
  }

  /** Settles when it has become void. Never where it does not. */
  get voided(): Promise<'voided'> {
    this.#voided ??= new Promise((resolve) => {
      this.#tellVoided = resolve
      if (this.#isVoid) resolve('voided')
    })
    return this.#voided
  }

  /** Says that a tag was removed. Where the entry was to carry it, the store is asked whether that was after this computation had begun. */
  tagRemoved(tag: string): void {
    if (this.#plan.tags.includes(tag)) void this.#lease?.renew()
  }

  /** Nobody wants the result any more: the factory's signal aborts. */
  abandon(): void {
    this.#isAbandoned = true
    this.#abort.abort(new Error(`Nobody waits for ${quoted(this.#plan.key)} any more`))
  }

  async #leadOrFollow(): Promise<Result> {
    const { key, manner, onFollow, schema } = this.#plan
    const { leaseEnds, leaseMs, codec } = this.#setting
    let { seen, stale } = this.#plan
    let sideBySide = false
    const beganMs = performance.now()
    for (;;) {
      const leaseEnd = leaseEnds.listen(key)
      try {
        const token = nextToken()
        const askedAt = nextLogicalTime()
        // eslint-disable-next-line no-await-in-loop -- each round begins with what the last one learned
        const acquired = await this.#acquire(token, seen, manner === 'wait' && !sideBySide)
        if (acquired === undefined) return await this.#alone()
        if (acquired.kind === 'leads') {
          const lease = new Lease(this.#setting, this.#plan, token, this.#void)
          // eslint-disable-next-line no-await-in-loop
          return await (this.#isAbandoned ? this.#leave(lease) : this.#lead(lease, stale, leaseEnd))
        }
        if (acquired.kind === 'paused') return { kind: 'left', restMs: acquired.leftMs }
        if (acquired.kind === 'value') {
          // eslint-disable-next-line no-await-in-loop
          const stored = await codec.decode(key, acquired.bytes)
          // eslint-disable-next-line no-await-in-loop
          const good = stored !== undefined && (await schemaError(schema, key, stored.value)) === undefined
          if (good && stored.state === 'fresh') return resultOf(stored, askedAt)
          // eslint-disable-next-line no-await-in-loop
          if (codec.mustStay(key, acquired.bytes)) return await this.#alone()
          seen = acquired.bytes
          stale = good && stored.entry.hasGrace ? stored : undefined
          continue
        }
        onFollow?.()
        if (manner === 'leave') return { kind: 'left', restMs: Math.min(acquired.leftMs, leaseMs / 2) }
        if (sideBySide) return await this.#alone()
        // eslint-disable-next-line no-await-in-loop
        const waitMs = leaseEnds.waitMs(leaseMs, acquired.leftMs, performance.now() - beganMs)
        // eslint-disable-next-line no-await-in-loop
        const ended = await leaseEnd.within(waitMs, this.#abort.signal)
        if (this.#isAbandoned) return { kind: 'left', restMs: 0 }
        // Those who waited in vain do not wait for each other as well.
        sideBySide = ended === 'nothing'
      } finally {
        leaseEnd.leave()
      }
    }
  }

  async #acquire(token: string, seen: Buffer | 'any' | undefined, follows: boolean): Promise<Acquired | undefined> {
    const { key, stale } = this.#plan
    const { store, leaseMs } = this.#setting
    const isAsked = store.backend().up
    try {
      // Who has a stale value to serve can do without a new attempt after a failure.
      return await store.acquire({
        key,
        token,
        process: processName,
        leaseMs,
        seen,
        follows,
        patient: stale !== undefined,
      })
    } catch (error) {
      this.#setting.onFailed('acquire', key, error)
      // It may have been granted all the same, and others would wait for its end.
      if (isAsked) void new Lease(this.#setting, this.#plan, token, this.#void).release('voided')
      return undefined
    }
  }

  async #lead(lease: Lease, stale: Stored | undefined, leaseEnd: LeaseEnd): Promise<Result> {
    this.#lease = lease
    leaseEnd.onVoided(this.#void)
    const startedAt = nextLogicalTime()
    const outcome = await this.#compute(stale)
    this.#lease = undefined
    // From now on it may hear of its own end.
    leaseEnd.leave()
    switch (outcome.kind) {
      case 'given-up':
        await lease.release('voided')
        return outcome
      case 'failed': {
        if (this.#isAbandoned) return this.#leave(lease)
        const pauseMs = stale === undefined ? 0 : pauseAfterFailure(this.#plan.life)
        await lease.release('nothing', pauseMs)
        return { kind: 'error', error: outcome.error, pauseMs }
      }
      case 'computed':
        return this.#keep(lease, outcome, startedAt)
    }
  }

  /** Stores what was computed if it may be stored, and says for whom it is good. */
  async #keep(lease: Lease, outcome: Outcome & { kind: 'computed' }, startedAt: number): Promise<Result> {
    const { key } = this.#plan
    const { store, events, encode, codec } = this.#setting
    const { value, computeMs, life, tags, skipped } = outcome
    const expiresAt = keptUntil(store.now(key), life)
    const bytes = skipped || life.ttlMs === 0 ? undefined : encode(key, value, life, computeMs, tags)
    const packed = bytes === undefined ? undefined : await codec.compress(bytes)
    const sentAt = nextLogicalTime()
    const held = await (packed === undefined
      ? lease.release('nothing')
      : lease.fill({ key, bytes: packed, expiresAt, tags }))
    const isStored = held === true && bytes !== undefined
    events.emit('compute', { key, computeMs, stored: isStored })
    // While the lease was held nothing was deleted, so the value is good up to when that was asked; else only as of its beginning.
    const asOf = held === true ? sentAt : startedAt
    return { kind: 'value', value, computeMs, bytes, isStored, asOf, startedAt, shared: held !== false }
  }

  /** Nobody here wants the result any more: one of those who wait in other processes takes over. */
  async #leave(lease: Lease): Promise<Result> {
    await lease.release('voided')
    return { kind: 'left', restMs: 0 }
  }

  /** Computes without a lease, and stores nothing. */
  async #alone(): Promise<Result> {
    const { key, stale } = this.#plan
    const startedAt = nextLogicalTime()
    const outcome = await this.#compute(stale)
    if (outcome.kind === 'given-up') return outcome
    if (outcome.kind === 'failed') return { kind: 'error', error: outcome.error, pauseMs: 0 }
    const { value, computeMs } = outcome
    this.#setting.events.emit('compute', { key, computeMs, stored: false })
    return {
      kind: 'value',
      value,
      computeMs,
      bytes: undefined,
      isStored: false,
      asOf: startedAt,
      startedAt,
      shared: true,
    }
  }

  readonly #void = (): void => {
    this.#isVoid = true
    this.#tellVoided('voided')
  }

  #compute(stale: Stored | undefined): Promise<Outcome> {
    const { cache, codec } = this.#setting
    return runOnce(cache, this.#plan, this.#abort, stale === undefined ? undefined : staleCopy(stale, codec))
  }
}

/** Made when asked for: the value itself is what callers are being served. */
function staleCopy({ value }: Stored, codec: EntryCodec): { readonly value: unknown } {
  let copy: { value: unknown } | undefined
  return {
    get value() {
      copy ??= { value: codec.copy(value) }
      return copy.value
    },
  }
}

function nextToken(): string {
  computations++
  return `${tokenPrefix}.${computations.toString(36)}`
}

/** After a failure, a stale value serves for a tenth of its ttl before the next attempt. */
function pauseAfterFailure({ ttlMs }: Lifetime): number {
  return Math.min(Math.max(ttlMs / 10, MIN_PAUSE_MS), MAX_PAUSE_MS)
}
