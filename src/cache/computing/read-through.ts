import type { Factory, GetOrSetOptions, ManyFactory } from '../../contract/cache.js'
import { Answers, type Call } from './answers.js'
import { BatchFactory } from '../factories/batch-factory.js'
import type { ComputationSetting } from './computation.js'
import { isEarly } from '../../values/early-refresh.js'
import { refuseOwnKey } from '../factories/factory-chain.js'
import { type Found, hit } from '../../contract/events/served-value.js'
import { nextMoment } from './logical-clock.js'
import type { NearHit } from '../reading/near-tier.js'
import { Patience } from './caller-deadline.js'
import { promised } from '../../checks/all-of.js'
import { type Reader, type Reading, UNREAD } from '../reading/reader.js'
import { SingleFlight } from './single-flight.js'
import { schemaError } from '../../values/entry-codec.js'
import { type Wish, type WishDefaults, wishOf } from '../../contract/options/call-options.js'

/** What the cache tells a read-through of itself. */
export interface ReadThroughSetting extends ComputationSetting, WishDefaults {
  readonly reader: Reader
}

/** Reads through the cache to a factory: fresh values are hits, stale ones serve while they are computed anew, the rest is computed. */
export class ReadThrough {
  readonly #setting: ReadThroughSetting
  readonly #flights: SingleFlight
  readonly #answers: Answers
  /** That of a call without options. */
  readonly #plainWish: Wish

  constructor(setting: ReadThroughSetting) {
    this.#setting = setting
    this.#flights = new SingleFlight(setting)
    this.#answers = new Answers(setting, this.#flights)
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
    const giveFound = give as (found: Found) => R
    if (hasLimits(wish)) return this.#within(wish, key, () => this.#find(call, giveFound))
    return this.#find(call, giveFound)
  }

  /** Where the limits of a call are reached while the store is asked, it waits no longer either. */
  async #within<R>(wish: Wish, key: string, find: () => Promise<R>): Promise<R> {
    const { timeoutMs, signal } = wish
    signal?.throwIfAborted()
    const patience = new Patience(key, { timeoutMs, softTimeoutMs: undefined, signal })
    try {
      return (await patience.within(find())) as R
    } finally {
      patience.end()
    }
  }

  /** Near, or else in the store. */
  #find<R>(call: Call, give: (found: Found) => R): Promise<R> {
    const { key, wish } = call
    const giveCopy = (copy: NearHit): R => give(this.#hitNear(key, copy))
    const copy = this.#nearby(key, wish)
    if (copy === undefined) return this.#read(call, give)
    if (!(copy instanceof Promise)) return Promise.resolve(giveCopy(copy))
    return copy.then((good) => (good === undefined ? this.#read(call, give) : giveCopy(good)))
  }

  /** The values under many full keys, each given once; one call of the factory computes those that are missing. */
  async many<T>(
    all: readonly string[],
    factory: ManyFactory<T, string>,
    options: GetOrSetOptions<T> | undefined,
  ): Promise<Map<string, Found<T>>> {
    const wish = wishOf(options, this.#setting)
    for (const key of all) refuseOwnKey(this.#setting.cache, key)
    const find = (): Promise<Map<string, Found>> => this.#findMany(all, factory, wish)
    const found = hasLimits(wish) && all.length > 0 ? this.#within(wish, all[0] as string, find) : find()
    return (await found) as Map<string, Found<T>>
  }

  async #findMany(
    all: readonly string[],
    factory: ManyFactory<unknown, string>,
    wish: Wish,
  ): Promise<Map<string, Found>> {
    const at = nextMoment()
    const found = await this.#nearbyOf(all, wish)
    const keys = all.filter((key) => !found.has(key))
    if (keys.length === 0) return found
    const readings = wish.refresh
      ? keys.map(() => UNREAD)
      : await this.#setting.reader.many(keys, 'getOrSetMany', (reading) => reading)
    const batch = new BatchFactory(this.#setting.cache, keys, factory)
    const background = new BatchFactory(this.#setting.cache, keys, factory)
    const answers = await Promise.allSettled(
      keys.map((key, i) => {
        const member = { foreground: batch.member(key), background: background.member(key), refreshes: false }
        const call = { key, factory: member.foreground.factory, wish, at, many: member }
        return Promise.resolve(this.#answers.to(call, readings[i] as Reading)).finally(() => {
          member.foreground.stay()
          if (!member.refreshes) member.background.stay()
        })
      }),
    )
    const failed = answers.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    for (const [i, key] of keys.entries()) found.set(key, (answers[i] as PromiseFulfilledResult<Found>).value)
    return found
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
    const answer = (reading: Reading): R | Promise<R> => {
      const found = this.#answers.to(call, reading)
      return found instanceof Promise ? found.then(give) : give(found)
    }
    if (call.wish.refresh) return Promise.resolve(answer(UNREAD))
    return this.#setting.reader.one(call.key, 'getOrSet', answer)
  }

  #hitNear(key: string, { value, computeMs }: NearHit): Found {
    return hit(this.#setting.events, key, value, computeMs, 'near')
  }

  /** The copy in the near tier, if it is as good for the call as the entry itself. */
  #nearby(key: string, { refresh, beta, schema }: Wish): NearHit | undefined | Promise<NearHit | undefined> {
    const { near, store } = this.#setting
    const copy = refresh ? undefined : near?.get(key)
    if (copy === undefined || (beta > 0 && isEarly(copy, beta, store.now(key)))) return undefined
    if (schema === undefined) return copy
    return schemaError(schema, key, copy.value).then((error) => (error === undefined ? copy : undefined))
  }

  async #nearbyOf(keys: readonly string[], wish: Wish): Promise<Map<string, Found>> {
    const found = new Map<string, Found>()
    if (this.#setting.near === undefined) return found
    const copies = await promised(keys.map((key) => this.#nearby(key, wish)))
    for (const [i, key] of keys.entries()) {
      const copy = copies[i]
      if (copy !== undefined) found.set(key, this.#hitNear(key, copy))
    }
    return found
  }
}

function hasLimits({ timeoutMs, signal }: Wish): boolean {
  return timeoutMs !== undefined || signal !== undefined
}
