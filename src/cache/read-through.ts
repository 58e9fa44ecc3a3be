import type { Factory, GetOrSetOptions, ManyFactory } from './cache.js'
import { BatchFactory } from './batch-factory.js'
import type { ComputationPlan, ComputationSetting } from './computation.js'
import { toMs } from './duration.js'
import { refuseOwnKey } from './factory-chain.js'
import { nextMoment } from './moment.js'
import { checkOptions, checkTags, type Lifetime, lifetime } from './options.js'
import { Patience } from './patience.js'
import { show } from './show.js'
import { SingleFlight } from './single-flight.js'
import { schemaError, type Stored } from './values.js'

/** How a call of `getOrSet` is to be answered, its options checked. */
interface Wish {
  readonly life: Lifetime
  readonly tags: readonly string[]
  readonly maxComputeMs: number
  readonly timeoutMs: number | undefined
  readonly softTimeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
  readonly schema: GetOrSetOptions<unknown>['schema']
  readonly refresh: boolean
  /** Factor of the early refresh; 0 for none. */
  readonly beta: number
  /** How long past its ttl a stale value may serve this call. */
  readonly graceMs: number
}

/** A value with what finding it saved. */
export interface Found<T = unknown> {
  readonly value: T
  /** What the value took to compute, 0 when that is not known. */
  readonly computeMs: number
  /** Whether the call waited for a computation, its own or another's. */
  readonly isComputed: boolean
  /** Whether an entry holds it. */
  readonly isStored: boolean
}

/** What the cache tells a read-through of itself. */
export interface ReadThroughSetting extends ComputationSetting {
  readonly lifetime: Lifetime
  readonly maxComputeMs: number
}

/** What was read for a key: nothing, an entry, or no answer. */
interface Reading {
  readonly bytes: Buffer | undefined
  readonly answered: boolean
}

/** Reads through the cache to a factory: fresh values are hits, stale ones serve while they are computed anew, the rest is computed. */
export class ReadThrough {
  readonly #setting: ReadThroughSetting
  readonly #flights: SingleFlight

  constructor(setting: ReadThroughSetting) {
    this.#setting = setting
    this.#flights = new SingleFlight(setting)
  }

  /** The value under a full key, or else that of the factory. */
  async one<T>(key: string, factory: Factory<T>, options: GetOrSetOptions<T> | undefined): Promise<Found<T>> {
    const wish = this.#check(options)
    refuseOwnKey(this.#setting.cache, key)
    const at = nextMoment()
    const reading = wish.refresh ? { bytes: undefined, answered: true } : await this.#read(key)
    return (await this.#answer(key, factory, wish, reading, at)) as Found<T>
  }

  /** The values under many full keys, each given once; one call of the factory computes those that are missing. */
  async many<T>(
    keys: readonly string[],
    factory: ManyFactory<T, string>,
    options: GetOrSetOptions<T> | undefined,
  ): Promise<Map<string, Found<T>>> {
    const wish = this.#check(options)
    for (const key of keys) refuseOwnKey(this.#setting.cache, key)
    const at = nextMoment()
    const readings = wish.refresh ? keys.map(() => ({ bytes: undefined, answered: true })) : await this.#readMany(keys)
    const batch = new BatchFactory(keys, factory)
    const background = new BatchFactory(keys, factory)
    const found = await Promise.allSettled(
      keys.map((key, i) => {
        const member = { foreground: batch.member(key), background: background.member(key), refreshes: false }
        return this.#answer(key, member.foreground.factory, wish, readings[i]!, at, member).finally(() => {
          member.foreground.stay()
          if (!member.refreshes) member.background.stay()
        })
      }),
    )
    const failed = found.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return new Map(keys.map((key, i) => [key, (found[i] as PromiseFulfilledResult<Found<T>>).value]))
  }

  async #answer(
    key: string,
    factory: Factory<unknown>,
    wish: Wish,
    { bytes, answered }: Reading,
    at: number,
    many?: Membership,
  ): Promise<Found> {
    const { events, values, store } = this.#setting
    const plan: ComputationPlan = {
      ...wish,
      key,
      factory,
      seen: wish.refresh ? 'any' : bytes,
      stale: undefined,
      manner: answered ? 'wait' : 'alone',
      onFollow: many?.foreground.stay,
    }
    const stored = bytes === undefined ? undefined : await this.#judge(key, values.decode(key, bytes), wish)
    if (stored?.state === 'fresh') {
      if (this.#isEarly(stored, wish.beta, store.now(key))) this.#refresh(plan, stored, many)
      return this.#hit(key, stored, false)
    }
    const usable = stored !== undefined && store.now(key) < stored.entry.expiresAt + wish.graceMs ? stored : undefined
    if (usable !== undefined && wish.softTimeoutMs === undefined) {
      this.#refresh(plan, usable, many)
      return this.#hit(key, usable, true)
    }
    const patience = new Patience(key, {
      ...wish,
      softTimeoutMs: usable === undefined ? undefined : wish.softTimeoutMs,
    })
    try {
      const taken = await this.#flights.take({ plan: { ...plan, stale: usable }, at, anew: wish.refresh, patience })
      if (typeof taken === 'object') {
        events.emit('miss', { key })
        return { ...taken, isComputed: true }
      }
    } catch (error) {
      if (usable === undefined || wish.signal?.aborted) {
        events.emit('miss', { key })
        throw error
      }
      this.#setting.onFailed('refresh', key, error)
    } finally {
      patience.end()
    }
    return this.#hit(key, usable as Stored, true)
  }

  #refresh(plan: ComputationPlan, stale: Stored, many: Membership | undefined): void {
    if (many !== undefined) many.refreshes = true
    this.#flights.refresh({
      ...plan,
      stale,
      manner: 'leave',
      ...(many === undefined ? {} : { factory: many.background.factory, onFollow: many.background.stay }),
    })
  }

  #hit(key: string, { value, entry }: Stored, stale: boolean): Found {
    const computeMs = entry.computeMs ?? 0
    this.#setting.events.emit('hit', { key, by: 'store', stale, savedMs: computeMs })
    return { value, computeMs, isComputed: false, isStored: true }
  }

  /** XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, 2015). */
  #isEarly({ entry }: Stored, beta: number, nowMs: number): boolean {
    return beta > 0 && nowMs - beta * (entry.computeMs ?? 0) * Math.log(1 - Math.random()) >= entry.expiresAt
  }

  async #judge(key: string, stored: Stored | undefined, { schema }: Wish): Promise<Stored | undefined> {
    if (stored === undefined || schema === undefined) return stored
    return (await schemaError(schema, key, stored.value)) === undefined ? stored : undefined
  }

  async #read(key: string): Promise<Reading> {
    try {
      return { bytes: await this.#setting.store.read(key), answered: true }
    } catch (error) {
      this.#setting.onFailed('getOrSet', key, error)
      return { bytes: undefined, answered: false }
    }
  }

  async #readMany(keys: readonly string[]): Promise<Reading[]> {
    try {
      const all = await this.#setting.store.readMany(keys)
      return all.map((bytes) => ({ bytes, answered: true }))
    } catch (error) {
      this.#setting.onFailed('getOrSetMany', keys[0] ?? '', error)
      return keys.map(() => ({ bytes: undefined, answered: false }))
    }
  }

  /** @throws {TypeError} naming the option that is wrong. */
  #check(options: GetOrSetOptions<any> | undefined): Wish {
    const given = checkOptions(options, 'getOrSet') ?? {}
    const { grace, early = false, timeout, softTimeout, maxCompute, refresh = false, signal, schema } = given
    if (typeof refresh !== 'boolean')
      throw new TypeError(`Expected \`refresh\` to be true or false, got ${show(refresh)}`)
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError(`Expected \`signal\` to be an AbortSignal, got ${show(signal)}`)
    }
    if (schema !== undefined && typeof (schema as Partial<typeof schema>)?.['~standard']?.validate !== 'function') {
      throw new TypeError(`Expected \`schema\` to be a Standard Schema, got ${show(schema)}`)
    }
    return {
      life: lifetime(given, this.#setting.lifetime),
      tags: checkTags(given.tags),
      maxComputeMs: maxCompute === undefined ? this.#setting.maxComputeMs : toMs('maxCompute', maxCompute),
      timeoutMs: timeout === undefined ? undefined : toMs('timeout', timeout),
      softTimeoutMs: softTimeout === undefined ? undefined : toMs('softTimeout', softTimeout),
      signal,
      schema,
      refresh,
      beta: checkBeta(early),
      // An entry is kept for the grace it was stored with; a call may narrow that, not widen it.
      graceMs: grace === undefined ? Infinity : toMs('grace', grace),
    }
  }
}

interface Membership {
  readonly foreground: { readonly factory: Factory<unknown>; readonly stay: () => void }
  readonly background: { readonly factory: Factory<unknown>; readonly stay: () => void }
  /** Whether a refresh was begun, which will say itself whether the key is computed in the background. */
  refreshes: boolean
}

function checkBeta(early: boolean | number): number {
  if (early === true) return 1
  if (early === false) return 0
  if (typeof early === 'number' && early > 0 && early < Infinity) return early
  throw new TypeError(`Expected \`early\` to be true, false or a number above 0, got ${show(early)}`)
}
