import type { Factory, GetOrSetOptions, ManyFactory } from './cache.js'
import { BatchFactory } from './batch-factory.js'
import type { ComputationPlan, ComputationSetting } from './computation.js'
import { refuseOwnKey } from './factory-chain.js'
import { nextMoment } from './moment.js'
import type { NearHit, NearReads } from './near.js'
import { Patience } from './patience.js'
import { promised } from './promised.js'
import { SingleFlight } from './single-flight.js'
import { schemaError, type Stored } from './values.js'
import { type Wish, type WishDefaults, wishOf } from './wish.js'

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
export interface ReadThroughSetting extends ComputationSetting, WishDefaults {}

/** A call to be answered. */
interface Call {
  readonly key: string
  readonly factory: Factory<unknown>
  readonly wish: Wish
  /** The moment at which it began. */
  readonly at: number
  /** Where it is one of many. */
  readonly many?: Membership
}

/** What was read for a key: nothing, an entry, or no answer. */
interface Reading {
  readonly bytes: Buffer | undefined
  /** The value, if it decodes. */
  readonly stored: Stored | undefined | Promise<Stored | undefined>
  readonly answered: boolean
  readonly reads: NearReads | undefined
}

/** Where nothing is to be read. */
const UNREAD: Reading = { bytes: undefined, stored: undefined, answered: true, reads: undefined }

/** Reads through the cache to a factory: fresh values are hits, stale ones serve while they are computed anew, the rest is computed. */
export class ReadThrough {
  readonly #setting: ReadThroughSetting
  readonly #flights: SingleFlight
  /** That of a call without options. */
  readonly #plainWish: Wish

  constructor(setting: ReadThroughSetting) {
    this.#setting = setting
    this.#flights = new SingleFlight(setting)
    this.#plainWish = wishOf(undefined, setting)
  }

  /**
   * What `give` makes of the value under a full key, or else of that of the factory.
   * @throws {TypeError} as a rejection or at once, naming the option that is wrong.
   */
  one<T, R>(
    key: string,
    factory: Factory<T>,
    options: GetOrSetOptions<T> | undefined,
    give: (found: Found<T>) => R,
  ): Promise<R> {
    const wish = options === undefined ? this.#plainWish : wishOf(options, this.#setting)
    refuseOwnKey(this.#setting.cache, key)
    const call = { key, factory, wish, at: nextMoment() }
    const hit = (copy: NearHit): R => give(this.#hit(key, copy, 'near', false) as Found<T>)
    const copy = this.#nearby(key, wish)
    if (copy === undefined) return this.#read(call, give as (found: Found) => R)
    if (!(copy instanceof Promise)) return Promise.resolve(hit(copy))
    return copy.then((good) => (good === undefined ? this.#read(call, give as (found: Found) => R) : hit(good)))
  }

  /** The values under many full keys, each given once; one call of the factory computes those that are missing. */
  async many<T>(
    all: readonly string[],
    factory: ManyFactory<T, string>,
    options: GetOrSetOptions<T> | undefined,
  ): Promise<Map<string, Found<T>>> {
    const wish = wishOf(options, this.#setting)
    for (const key of all) refuseOwnKey(this.#setting.cache, key)
    const at = nextMoment()
    const near = await this.#nearbyOf(all, wish)
    const keys = all.filter((key) => !near.has(key))
    if (keys.length === 0) return near as Map<string, Found<T>>
    const readings = wish.refresh ? keys.map(() => UNREAD) : await this.#readMany(keys)
    const batch = new BatchFactory(keys, factory)
    const background = new BatchFactory(keys, factory)
    const found = await Promise.allSettled(
      keys.map((key, i) => {
        const member = { foreground: batch.member(key), background: background.member(key), refreshes: false }
        const call = { key, factory: member.foreground.factory, wish, at, many: member }
        return Promise.resolve(this.#answer(call, readings[i] as Reading)).finally(() => {
          member.foreground.stay()
          if (!member.refreshes) member.background.stay()
        })
      }),
    )
    const failed = found.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    for (const [i, key] of keys.entries()) near.set(key, (found[i] as PromiseFulfilledResult<Found<T>>).value)
    return near as Map<string, Found<T>>
  }

  /** Lets no call join the computations of these keys that are under way, or of any: what they began with was deleted. */
  void(concerns: (key: string) => boolean = () => true): void {
    this.#flights.void(concerns)
  }

  /** Leaves the computations that this process leads to others. */
  async close(): Promise<void> {
    await this.#setting.leases.close()
  }

  /** Reads, and makes something of the answer: at once of what is fresh. */
  #read<R>(call: Call, give: (found: Found) => R): Promise<R> {
    const { key, wish } = call
    const { store, near, onFailed } = this.#setting
    const answer = (reading: Reading): R | Promise<R> => {
      const found = this.#answer(call, reading)
      return found instanceof Promise ? found.then(give) : give(found)
    }
    if (wish.refresh) return Promise.resolve(answer(UNREAD))
    const reads = near?.begin(key)
    return store
      .read<Reading>(key, (bytes, nowMs) => this.#reading(key, bytes, nowMs, reads))
      .then(answer, (error: unknown) => {
        onFailed('getOrSet', key, error)
        return answer({ ...UNREAD, answered: false, reads })
      })
  }

  #reading(key: string, bytes: Buffer | undefined, nowMs: number, reads: NearReads | undefined): Reading {
    return { bytes, stored: bytes && this.#setting.values.decode(key, bytes, nowMs), answered: true, reads }
  }

  /** What is found at once is given at once, not as a promise. */
  #answer(call: Call, reading: Reading): Found | Promise<Found> {
    const { stored } = reading
    if (stored instanceof Promise) return stored.then((decoded) => this.#answerDecoded(call, reading, decoded))
    return this.#answerDecoded(call, reading, stored)
  }

  #answerDecoded(call: Call, reading: Reading, stored: Stored | undefined): Found | Promise<Found> {
    const { key, wish } = call
    this.#setting.near?.end(reading.reads, stored)
    if (stored === undefined || wish.schema === undefined) return this.#answerJudged(call, reading, stored)
    return schemaError(wish.schema, key, stored.value).then((error) =>
      this.#answerJudged(call, reading, error === undefined ? stored : undefined),
    )
  }

  #answerJudged(call: Call, { bytes, answered }: Reading, stored: Stored | undefined): Found | Promise<Found> {
    const { key, factory, wish, at, many } = call
    const { values, store } = this.#setting
    const isEarly = stored !== undefined && wish.beta > 0 && this.#isEarly(stored.entry, wish.beta, store.now(key))
    if (stored?.state === 'fresh' && !isEarly) return this.#hitStored(key, stored, false)
    // Field by field: copies by `...` took 4 KB more for each miss.
    const plan: ComputationPlan = {
      key,
      factory,
      life: wish.life,
      tags: wish.tags,
      maxComputeMs: wish.maxComputeMs,
      schema: wish.schema,
      seen: wish.refresh ? 'any' : bytes,
      stale: undefined,
      manner: answered && !values.mustStay(key, bytes) ? 'wait' : 'alone',
      onFollow: many?.foreground.stay,
    }
    if (stored?.state !== 'fresh') return this.#answerWithout(plan, wish, stored, at, many)
    this.#refresh(plan, stored, many)
    return this.#hitStored(key, stored, false)
  }

  /** Answers where nothing fresh is stored: with what is stale, or with what is computed. */
  async #answerWithout(
    plan: ComputationPlan,
    wish: Wish,
    stored: Stored | undefined,
    at: number,
    many: Membership | undefined,
  ): Promise<Found> {
    const { key } = plan
    const { events, store } = this.#setting
    // Without grace it is on its way out of the store, whose clock is known to within half a round trip.
    const serves = stored?.entry.hasGrace === true && store.now(key) < stored.entry.expiresAt + wish.graceMs
    const usable = serves ? stored : undefined
    if (usable !== undefined && wish.softTimeoutMs === undefined) {
      this.#refresh(plan, usable, many)
      return this.#hitStored(key, usable, true)
    }
    const patience = new Patience(key, {
      timeoutMs: wish.timeoutMs,
      softTimeoutMs: usable === undefined ? undefined : wish.softTimeoutMs,
      signal: wish.signal,
    })
    const planned = usable === undefined ? plan : { ...plan, stale: usable }
    try {
      const taken = await this.#flights.take({ plan: planned, at, anew: wish.refresh, patience })
      if (typeof taken === 'object') {
        events.emit('miss', { key })
        const { value, computeMs, isStored } = taken
        return { value, computeMs, isComputed: true, isStored }
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
    return this.#hitStored(key, usable as Stored, true)
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

  #hitStored(key: string, { value, entry: { computeMs } }: Stored, stale: boolean): Found {
    return this.#hit(key, { value, computeMs }, 'store', stale)
  }

  #hit(
    key: string,
    { value, computeMs = 0 }: Pick<NearHit, 'value' | 'computeMs'>,
    by: 'near' | 'store',
    stale: boolean,
  ): Found {
    this.#setting.events.emit('hit', { key, by, stale, savedMs: computeMs })
    return { value, computeMs, isComputed: false, isStored: true }
  }

  /** The copy in the near tier, if it is as good for the call as the entry itself. */
  #nearby(key: string, { refresh, beta, schema }: Wish): NearHit | undefined | Promise<NearHit | undefined> {
    const { near, store } = this.#setting
    const copy = refresh ? undefined : near?.get(key)
    if (copy === undefined || (beta > 0 && this.#isEarly(copy, beta, store.now(key)))) return undefined
    if (schema === undefined) return copy
    return schemaError(schema, key, copy.value).then((error) => (error === undefined ? copy : undefined))
  }

  async #nearbyOf(keys: readonly string[], wish: Wish): Promise<Map<string, Found>> {
    const found = new Map<string, Found>()
    if (this.#setting.near === undefined) return found
    const copies = await promised(keys.map((key) => this.#nearby(key, wish)))
    for (const [i, key] of keys.entries()) {
      const copy = copies[i]
      if (copy !== undefined) found.set(key, this.#hit(key, copy, 'near', false))
    }
    return found
  }

  /** XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, 2015). */
  #isEarly(
    { computeMs = 0, expiresAt }: Pick<NearHit, 'computeMs' | 'expiresAt'>,
    beta: number,
    nowMs: number,
  ): boolean {
    return nowMs - beta * computeMs * Math.log(1 - Math.random()) >= expiresAt
  }

  #readMany(keys: readonly string[]): Promise<Reading[]> {
    const { store, near, onFailed } = this.#setting
    const reads = keys.map((key) => near?.begin(key))
    let isTold = false
    return store.readMany<Reading>(
      keys,
      (bytes, nowMs, place) => this.#reading(keys[place] as string, bytes, nowMs, reads[place]),
      (error, place) => {
        if (!isTold) onFailed('getOrSetMany', keys[0] ?? '', error)
        isTold = true
        return { ...UNREAD, answered: false, reads: reads[place] }
      },
    )
  }
}

interface Membership {
  readonly foreground: { readonly factory: Factory<unknown>; readonly stay: () => void }
  readonly background: { readonly factory: Factory<unknown>; readonly stay: () => void }
  /** Whether a refresh was begun, which will say itself whether the key is computed in the background. */
  refreshes: boolean
}
