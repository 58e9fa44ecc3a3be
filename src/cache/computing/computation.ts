import { realTime } from '../../checks/real-time.js'
import type { Acquired } from '../../contract/store.js'
import type { LeaseEnd } from '../leases/lease-ends.js'
import type { ComputationPlan } from './computation-plan.js'
import type { ComputationSetting } from './computation-setting.js'
import { Following } from './following.js'
import { type Outcome, runOnce } from '../factories/factory-run.js'
import { Lease } from '../leases/lease.js'
import type { Keeping } from '../reading/fallback.js'
import { type Awaited, FactoryLink, type Followed } from '../factories/factory-chain.js'
import { nextLogicalTime } from './logical-clock.js'
import { nextToken } from '../leases/lease-token.js'
import { pauseAfterFailure } from './pause-after-failure.js'
import { type Result, resultAlone, resultOf } from './result.js'
import { staleCopy } from './stale-copy.js'
import { processName } from '../../statistics/stats.js'
import { schemaError, type KnownValue } from '../../values/entry-codec.js'
import { quoted } from '../../checks/one-line.js'
import { keptUntil } from '../../values/freshness.js'

/** One computation of one key in this process. It leads (holds the lease and calls the factory), or it follows the process that leads. */
export class Computation implements Awaited {
  readonly result: Promise<Result>
  link: FactoryLink | undefined
  followed: Followed | undefined
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
    const { key, manner, onAsk, onFollow, schema } = this.#plan
    const { leaseEnds, leaseMs, codec, cycles } = this.#setting
    let { stale } = this.#plan
    const following = new Following(this.#plan.seen)
    const beganMs = realTime.nowMs()
    for (;;) {
      onAsk?.()
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
        if (following.isAnother(acquired)) this.followed = cycles.follow(acquired.leader)
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
    const { fallback, cycles } = this.#setting
    const keeping = fallback?.begin(this.#plan.key)
    const outcome = await this.#compute(stale, (link) => cycles.lead(lease.token, link))
    cycles.end(lease.token)
    if (outcome.kind !== 'computed') fallback?.end(keeping)
    this.#lease = undefined
    // Stop listening: from now on a message may tell of the end of this lease itself.
    leaseEnd.leave()
    switch (outcome.kind) {
      case 'given-up':
        await lease.release('voided')
        return outcome
      case 'failed': {
        if (this.#isAbandoned) return this.#leave(lease)
        const pauseMs = this.#pauseMs(stale)
        await lease.release('nothing', pauseMs)
        return { kind: 'error', error: outcome.error, pauseMs }
      }
      case 'computed':
        return this.#keep(lease, outcome, startedAt, keeping, stale)
    }
  }

  /**
   * Stores the computed value, and says which calls may have it. If it cannot be stored, the older entry is removed all the same: it is known
   * to be older. After `skip()` that entry stays, and a stale one serves for a while before the next attempt.
   */
  async #keep(
    lease: Lease,
    outcome: Outcome & { kind: 'computed' },
    startedAt: number,
    keeping: Keeping | undefined,
    stale: KnownValue | undefined,
  ): Promise<Result> {
    const { key } = this.#plan
    const { store, events, codec, fallback } = this.#setting
    const { value, computeMs, life, tags, skipped } = outcome
    const expiresAt = keptUntil(store.now(key), life)
    const bytes = skipped ? undefined : this.#encode(outcome)
    const packed = bytes === undefined ? undefined : await codec.compress(bytes)
    const sentAt = nextLogicalTime()
    const held = await (skipped
      ? lease.release('nothing', this.#pauseMs(stale), tags)
      : packed === undefined
        ? lease.fillWithNothing(tags)
        : lease.fill({ key, bytes: packed, expiresAt, tags }))
    const isStored = held === true && bytes !== undefined
    // Without an answer, it may be stored or not. Other computations of this key would follow.
    const isUntold = held === undefined && !this.#isVoid && !skipped
    fallback?.end(keeping, isUntold ? (bytes ?? 'nothing') : undefined, life, tags)
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
    const { fallback, events } = this.#setting
    const startedAt = nextLogicalTime()
    this.#startedAt = startedAt
    this.#isAlone = true
    const keeping = fallback?.begin(key)
    const outcome = await this.#compute(stale)
    if (outcome.kind !== 'computed') {
      fallback?.end(keeping)
      if (outcome.kind === 'given-up') return outcome
      if (this.#isAbandoned) return { kind: 'left', restMs: 0 }
      return { kind: 'error', error: outcome.error, pauseMs: this.#pauseMs(stale) }
    }
    const { value, computeMs, life, tags, skipped } = outcome
    const keeps = !skipped && fallback?.isFor(keeping) === true
    const isKept = fallback?.end(keeping, keeps ? (this.#encode(outcome) ?? 'nothing') : undefined, life, tags)
    events.emit('compute', { key, computeMs, stored: false })
    // A value that is kept also serves calls that came while it was computed.
    return resultAlone(value, computeMs, startedAt, isKept === true ? nextLogicalTime() : startedAt)
  }

  /** The entry of a computed value; `undefined` when the value cannot be kept. */
  #encode({ value, computeMs, life, tags }: Outcome & { kind: 'computed' }): Buffer | undefined {
    return life.ttlMs === 0 ? undefined : this.#setting.encode(this.#plan.key, value, life, computeMs, tags)
  }

  /** For how long a stale value serves before the next attempt, if this one has ended without a value for it. */
  #pauseMs(stale: KnownValue | undefined): number {
    return stale === undefined ? 0 : pauseAfterFailure(this.#plan)
  }

  readonly #void = (): void => {
    this.#isVoid = true
    this.#onVoid(this.#startedAt)
  }

  #compute(stale: KnownValue | undefined, lead?: (link: FactoryLink) => void): Promise<Outcome> {
    const { cache, codec } = this.#setting
    const link = new FactoryLink(cache, [this.#plan.key])
    this.followed = undefined
    this.link = link
    lead?.(link)
    return runOnce(link, this.#plan, this.#abort, stale === undefined ? undefined : staleCopy(stale, codec))
  }
}
