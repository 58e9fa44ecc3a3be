import { realTime } from '../../checks/real-time.js'
import type { Acquired } from '../../contract/store.js'
import type { LeaseEnd, LeaseEnds } from '../leases/lease-ends.js'
import type { Events } from '../../contract/events/events.js'
import type { ComputationPlan } from './computation-plan.js'
import { Following } from './following.js'
import { type Outcome, runOnce } from '../factories/factory-run.js'
import { Lease, type LeaseSetting } from '../leases/lease.js'
import type { Fallback, Keeping } from '../reading/fallback.js'
import { nextLogicalTime } from './logical-clock.js'
import type { Lifetime } from '../../contract/options/option-checks.js'
import { pauseAfterFailure } from './pause-after-failure.js'
import { type Result, resultOf } from './result.js'
import { staleCopy } from './stale-copy.js'
import { processName } from '../../statistics/stats.js'
import { schemaError, type EntryCodec, type KnownValue } from '../../values/entry-codec.js'
import { quoted } from '../../checks/one-line.js'
import { keptUntil } from '../../values/freshness.js'

/** What computations of one cache have in common. */
export interface ComputationSetting extends LeaseSetting {
  /** Identifies the cache, so that its keys are not taken for keys of another cache. */
  readonly cache: object
  readonly codec: EntryCodec
  readonly events: Events
  readonly leaseEnds: LeaseEnds
  readonly fallback: Fallback | undefined
  /** Encodes a computed value. Gives `undefined` when the value cannot be stored. */
  readonly encode: (
    key: string,
    value: unknown,
    life: Lifetime,
    computeMs: number,
    tags: readonly string[],
  ) => Buffer | undefined
}

let computations = 0
const tokenPrefix = `${process.pid.toString(36)}${Math.random().toString(36).slice(2)}`

/** One computation of one key in this process. It leads (holds the lease and calls the factory), or it follows the process that leads. */
export class Computation {
  readonly result: Promise<Result>
  readonly #setting: ComputationSetting
  readonly #plan: ComputationPlan
  readonly #onVoid: (startedAt: number) => void
  readonly #abort = new AbortController()
  #isAbandoned = false
  #isVoid = false
  /** The logical time at which the factory began. */
  #startedAt = Infinity
  #followsNobody = false
  #isAlone = false
  #followed: LeaseEnd | undefined
  #lease: Lease | undefined

  /** `onVoid` is called when it turns out to be void, with the logical time at which its factory began. */
  constructor(setting: ComputationSetting, plan: ComputationPlan, onVoid: (startedAt: number) => void) {
    this.#setting = setting
    this.#plan = plan
    this.#onVoid = onVoid
    this.result = Promise.resolve().then(() => (plan.manner === 'alone' ? this.#alone() : this.#leadOrFollow()))
  }

  /**
   * Whether the lease is known to be lost, to a write or delete or to another process. Then only calls that began before the factory may
   * have the result.
   */
  get isVoid(): boolean {
    return this.#isVoid
  }

  /**
   * Says that a tag was removed. If the entry will carry that tag, the store is asked whether the removal came after this computation
   * began. Without a lease there is nothing to ask for.
   */
  tagRemoved(tag: string): void {
    if (!this.#plan.tags.includes(tag)) return
    if (this.#isAlone) this.#void()
    else void this.#lease?.renew()
  }

  /** Whether another process waits for the result. Asks the store. */
  async isFollowed(): Promise<boolean> {
    return !this.#isVoid && this.#lease !== undefined && this.#lease.isFollowed()
  }

  /**
   * Computes beside another process rather than wait for it, because a call that has waited in vain wants the result. Otherwise a key that
   * is deleted again and again would keep that call waiting for one computation after the other.
   */
  followNobody(): void {
    this.#followsNobody = true
    this.#followed?.doubt()
  }

  /** Aborts the signal of the factory, because nobody wants the result any more. */
  abandon(): void {
    this.#isAbandoned = true
    this.#abort.abort(new Error(`Nobody waits for ${quoted(this.#plan.key)} any more`))
    this.#followed?.doubt()
  }

  async #leadOrFollow(): Promise<Result> {
    const { key, manner, onFollow, schema } = this.#plan
    const { leaseEnds, leaseMs, codec } = this.#setting
    let { stale } = this.#plan
    const following = new Following(this.#plan.seen)
    const beganMs = realTime.nowMs()
    for (;;) {
      const leaseEnd = leaseEnds.listen(key)
      this.#followed = leaseEnd
      try {
        const token = nextToken()
        const askedAt = nextLogicalTime()
        // eslint-disable-next-line no-await-in-loop -- each round begins with what the last one learned
        const acquired = await this.#acquire(token, following)
        if (acquired?.kind === 'leads') {
          const lease = new Lease(this.#setting, this.#plan, token, this.#void)
          // eslint-disable-next-line no-await-in-loop
          return await (this.#isAbandoned ? this.#leave(lease) : this.#lead(lease, stale, leaseEnd))
        }
        if (this.#isAbandoned) return { kind: 'left', restMs: 0 }
        if (acquired === undefined) return await this.#alone()
        if (acquired.kind === 'paused') return { kind: 'left', restMs: acquired.leftMs }
        if (acquired.kind === 'value') {
          // eslint-disable-next-line no-await-in-loop
          const stored = await codec.decode(key, acquired.bytes)
          // eslint-disable-next-line no-await-in-loop
          const good = stored !== undefined && (await schemaError(schema, key, stored.value)) === undefined
          if (good && stored.state === 'fresh') return resultOf(stored, askedAt, following.startedAt)
          // eslint-disable-next-line no-await-in-loop
          if (codec.mustStay(key, acquired.bytes)) return await this.#alone()
          following.seen = acquired.bytes
          stale = good && stored.entry.hasGrace ? stored : undefined
          continue
        }
        // Messages are of the whole server. One of the same key in another database ends nothing here, and the leader goes on.
        if (this.#followsNobody || following.isBeside(acquired)) {
          leaseEnd.onVoided(this.#void)
          // eslint-disable-next-line no-await-in-loop
          return await this.#alone()
        }
        onFollow?.()
        if (manner === 'leave') return { kind: 'left', restMs: Math.min(acquired.leftMs, leaseMs / 2) }
        following.follow(acquired, askedAt)
        // eslint-disable-next-line no-await-in-loop
        const waitMs = leaseEnds.waitMs(leaseMs, acquired.leftMs, realTime.nowMs() - beganMs)
        // eslint-disable-next-line no-await-in-loop
        following.end(await leaseEnd.within(waitMs))
        if (this.#isAbandoned) return { kind: 'left', restMs: 0 }
      } finally {
        leaseEnd.leave()
      }
    }
  }

  async #acquire(token: string, { seen, waits }: Following): Promise<Acquired | undefined> {
    const { key, stale, manner } = this.#plan
    const { store, leaseMs } = this.#setting
    const isAsked = store.backend().up
    try {
      // A caller with a stale value can do without a new attempt while attempts are paused after a failure.
      return await store.acquire({
        key,
        token,
        process: processName,
        leaseMs,
        seen,
        follows: manner === 'wait' && waits && !this.#followsNobody,
        patient: stale !== undefined,
      })
    } catch (error) {
      this.#setting.onFailed('acquire', key, error)
      // The store may have granted the lease although its answer did not arrive. Release it, or others would wait for its end.
      if (isAsked) void new Lease(this.#setting, this.#plan, token, this.#void).release('voided')
      return undefined
    }
  }

  async #lead(lease: Lease, stale: KnownValue | undefined, leaseEnd: LeaseEnd): Promise<Result> {
    this.#lease = lease
    // The message may be of the same key in another database, so the store is asked.
    leaseEnd.onVoided(() => void lease.renew())
    const startedAt = nextLogicalTime()
    this.#startedAt = startedAt
    const keeping = this.#setting.fallback?.begin(this.#plan.key)
    const outcome = await this.#compute(stale)
    if (outcome.kind !== 'computed') this.#setting.fallback?.end(keeping)
    this.#lease = undefined
    // Stop listening: from now on a message may tell of the end of this lease itself.
    leaseEnd.leave()
    switch (outcome.kind) {
      case 'given-up':
        await lease.release('voided')
        return outcome
      case 'failed': {
        if (this.#isAbandoned) return this.#leave(lease)
        const pauseMs = stale === undefined ? 0 : pauseAfterFailure(this.#plan)
        await lease.release('nothing', pauseMs)
        return { kind: 'error', error: outcome.error, pauseMs }
      }
      case 'computed':
        return this.#keep(lease, outcome, startedAt, keeping)
    }
  }

  /** Stores the computed value if it may be stored, and says which calls may have it. */
  async #keep(
    lease: Lease,
    outcome: Outcome & { kind: 'computed' },
    startedAt: number,
    keeping: Keeping | undefined,
  ): Promise<Result> {
    const { key } = this.#plan
    const { store, events, encode, codec, fallback } = this.#setting
    const { value, computeMs, life, tags, skipped } = outcome
    const expiresAt = keptUntil(store.now(key), life)
    const bytes = skipped || life.ttlMs === 0 ? undefined : encode(key, value, life, computeMs, tags)
    const packed = bytes === undefined ? undefined : await codec.compress(bytes)
    const sentAt = nextLogicalTime()
    const held = await (packed === undefined
      ? lease.release('nothing')
      : lease.fill({ key, bytes: packed, expiresAt, tags }))
    const isStored = held === true && bytes !== undefined
    // Without an answer, it may be stored or not. Other computations of this key would follow.
    fallback?.end(keeping, held === undefined && !this.#isVoid ? bytes : undefined, life, tags)
    events.emit('compute', { key, computeMs, stored: isStored })
    // If the lease was held to the end, nothing was deleted before `sentAt`, so the value is good up to then. Otherwise it is good only up
    // to the time when the computation began.
    const asOf = held === true ? sentAt : startedAt
    return {
      kind: 'value',
      value,
      computeMs,
      bytes,
      isStored,
      asOf,
      startedAt,
      isFound: false,
      isRefused: held === false,
    }
  }

  /** Ends the lease, because nobody in this process wants the result any more. A process that waits takes over. */
  async #leave(lease: Lease): Promise<Result> {
    await lease.release('voided')
    return { kind: 'left', restMs: 0 }
  }

  /** Computes without a lease, and stores nothing. */
  async #alone(): Promise<Result> {
    const { key, stale } = this.#plan
    const { fallback, encode, events } = this.#setting
    const startedAt = nextLogicalTime()
    this.#startedAt = startedAt
    this.#isAlone = true
    const keeping = fallback?.begin(key)
    const outcome = await this.#compute(stale)
    if (outcome.kind !== 'computed') {
      fallback?.end(keeping)
      if (outcome.kind === 'given-up') return outcome
      if (this.#isAbandoned) return { kind: 'left', restMs: 0 }
      return { kind: 'error', error: outcome.error, pauseMs: stale === undefined ? 0 : pauseAfterFailure(this.#plan) }
    }
    const { value, computeMs, life, tags, skipped } = outcome
    const keeps = !skipped && life.ttlMs > 0 && fallback?.isFor(keeping) === true
    const isKept = fallback?.end(keeping, keeps ? encode(key, value, life, computeMs, tags) : undefined, life, tags)
    events.emit('compute', { key, computeMs, stored: false })
    return {
      kind: 'value',
      value,
      computeMs,
      bytes: undefined,
      isStored: false,
      // The kept value also serves calls that came while it was computed.
      asOf: isKept === true ? nextLogicalTime() : startedAt,
      startedAt,
      isFound: false,
      isRefused: false,
    }
  }

  readonly #void = (): void => {
    this.#isVoid = true
    this.#onVoid(this.#startedAt)
  }

  #compute(stale: KnownValue | undefined): Promise<Outcome> {
    const { cache, codec } = this.#setting
    return runOnce(cache, this.#plan, this.#abort, stale === undefined ? undefined : staleCopy(stale, codec))
  }
}

function nextToken(): string {
  computations++
  return `${tokenPrefix}.${computations.toString(36)}`
}
