import type { GetOrSetOptions } from '../../contract/cache.js'
import type { Factory, ManyFactory } from '../../contract/factory.js'
import { ServeOrCompute, type Call } from './serve-or-compute.js'
import { BatchFactory } from '../factories/batch-factory.js'
import type { ComputationSetting } from './computation-setting.js'
import { isEarly } from '../../values/early-refresh.js'
import { callThrough, callThroughMany } from '../factories/call-through.js'
import { refuseOwnKey } from '../factories/factory-wait.js'
import type { CallOrder } from '../order/call-order.js'
import { type ServedValue, hit } from '../../contract/events/served-value.js'
import { nextLogicalTime } from './logical-clock.js'
import type { NearHit } from '../reading/near-tier.js'
import { CallerDeadline } from './caller-deadline.js'
import { allOf } from '../../checks/all-of.js'
import { type Reader, type Reading, UNREAD } from '../reading/reader.js'
import { SingleFlight } from './single-flight.js'
import { schemaError } from '../../values/entry-codec.js'
import {
  type CallDefaults,
  type CallOptions,
  callOptionsOf,
  checkCallOptions,
} from '../../contract/options/call-options.js'
import { checkFunction } from '../../contract/options/option-checks.js'

/** What a read-through needs of its cache. */
export interface ReadThroughSetting extends ComputationSetting, CallDefaults {
  readonly reader: Reader
  readonly order: CallOrder
  /** While this is false, factories are called, and nothing is read or stored. */
  readonly isEnabled: () => boolean
}

/** Answers `getOrSet`. A fresh value is a hit. A stale value serves while a new one is computed. A missing value is computed. */
export class ReadThrough {
  readonly #setting: ReadThroughSetting
  readonly #flights: SingleFlight
  readonly #answers: ServeOrCompute
  /** The options of a call that gives none. */
  readonly #defaultOptions: CallOptions

  constructor(setting: ReadThroughSetting) {
    this.#setting = setting
    this.#flights = new SingleFlight(setting)
    this.#answers = new ServeOrCompute(setting, this.#flights)
    this.#defaultOptions = callOptionsOf(undefined, setting)
  }

  /**
   * Gives what `give` makes of the value: the one under the full key, or else the one that the factory computes.
   * @throws {TypeError} as a rejection or at once, naming the option that is wrong.
   */
  one<T, R>(
    key: string,
    factory: Factory<T>,
    options: GetOrSetOptions<T> | undefined,
    give: (found: ServedValue<T>) => R,
  ): Promise<R> {
    checkFunction(factory, 'the factory')
    if (!this.#setting.isEnabled()) {
      checkCallOptions(options)
      return callThrough(key, factory).then(give)
    }
    const callOptions = options === undefined ? this.#defaultOptions : callOptionsOf(options, this.#setting)
    refuseOwnKey(this.#setting.cache, key)
    const deadline = deadlineOf(key, callOptions)
    const call = { key, factory, callOptions, at: nextLogicalTime(), deadline }
    const found = this.#find(call, give as (found: ServedValue) => R)
    return deadline === undefined ? found : deadline.within(found)
  }

  /** Looks in the near tier first, then in the store. */
  #find<R>(call: Call, give: (found: ServedValue) => R): Promise<R> {
    const { key, callOptions } = call
    const giveCopy = (copy: NearHit): R => give(this.#hitNear(key, copy))
    const copy = this.#nearby(key, callOptions)
    if (copy === undefined) return this.#read(call, give)
    if (!(copy instanceof Promise)) return Promise.resolve(giveCopy(copy))
    return copy.then((good) => (good === undefined ? this.#read(call, give) : giveCopy(good)))
  }

  /** The values under many full keys; one call of the factory computes those that are missing. */
  async many<T>(
    keys: readonly string[],
    factory: ManyFactory<T, string>,
    options: GetOrSetOptions<T> | undefined,
  ): Promise<Map<string, ServedValue<T>>> {
    const all = [...new Set(keys)]
    if (!this.#setting.isEnabled()) {
      checkCallOptions(options)
      return callThroughMany(this.#setting.cache, all, factory)
    }
    const callOptions = callOptionsOf(options, this.#setting)
    for (const key of all) refuseOwnKey(this.#setting.cache, key)
    const deadline = all.length === 0 ? undefined : deadlineOf(all[0] as string, callOptions)
    const found = this.#findMany(all, factory, callOptions, deadline)
    return (await (deadline === undefined ? found : deadline.within(found))) as Map<string, ServedValue<T>>
  }

  async #findMany(
    all: readonly string[],
    factory: ManyFactory<unknown, string>,
    callOptions: CallOptions,
    deadline: CallerDeadline | undefined,
  ): Promise<Map<string, ServedValue>> {
    const at = nextLogicalTime()
    const found = await this.#nearbyOf(all, callOptions)
    const keys = all.filter((key) => !found.has(key))
    if (keys.length === 0) return found
    const readings = callOptions.refresh
      ? await this.#setting.order.read(keys, async () => keys.map(() => UNREAD))
      : await this.#setting.reader.many(keys, 'getOrSetMany', (reading) => reading)
    const batch = new BatchFactory(this.#setting.cache, keys, factory)
    const background = new BatchFactory(this.#setting.cache, keys, factory)
    const answers = await Promise.allSettled(
      keys.map((key, i) => {
        const member = {
          foreground: batch.member(key),
          background: background.member(key),
          refreshes: false,
          computes: false,
        }
        const call = { key, factory: member.foreground.factory, callOptions, at, deadline, many: member }
        return Promise.resolve(this.#answers.to(call, readings[i] as Reading)).finally(() => {
          if (!member.computes) member.foreground.stay()
          if (!member.refreshes) member.background.stay()
        })
      }),
    )
    const failed = answers.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    for (const [i, key] of keys.entries()) found.set(key, (answers[i] as PromiseFulfilledResult<ServedValue>).value)
    return found
  }

  /**
   * Lets no more calls join the running computations of these keys (by default of all keys), because a write or delete came after they
   * began.
   */
  void(concerns: (key: string) => boolean = () => true): void {
    this.#flights.void(concerns)
  }

  /** Releases the leases of this process, so that other processes take over its computations. */
  async close(): Promise<void> {
    await this.#setting.leases.close()
  }

  /** Reads the key and answers the call. A fresh value is given at once. */
  #read<R>(call: Call, give: (found: ServedValue) => R): Promise<R> {
    const answer = (reading: Reading): R | Promise<R> => {
      const found = this.#answers.to(call, reading)
      return found instanceof Promise ? found.then(give) : give(found)
    }
    if (call.callOptions.refresh) return this.#setting.order.read([call.key], async () => answer(UNREAD))
    return this.#setting.reader.one(call.key, 'getOrSet', answer)
  }

  #hitNear(key: string, { value, computeMs }: NearHit): ServedValue {
    return hit(this.#setting.events, key, value, computeMs, 'near')
  }

  /** The copy in the near tier, unless the call refreshes the key or its schema refuses the copy. */
  #nearby(key: string, { refresh, beta, schema }: CallOptions): NearHit | undefined | Promise<NearHit | undefined> {
    const { near, store } = this.#setting
    const copy = refresh ? undefined : near?.get(key)
    if (copy === undefined || (beta > 0 && isEarly(copy, beta, store.now(key)))) return undefined
    if (schema === undefined) return copy
    return schemaError(schema, key, copy.value).then((error) => (error === undefined ? copy : undefined))
  }

  async #nearbyOf(keys: readonly string[], callOptions: CallOptions): Promise<Map<string, ServedValue>> {
    const found = new Map<string, ServedValue>()
    if (this.#setting.near === undefined) return found
    const copies = await allOf(keys.map((key) => this.#nearby(key, callOptions)))
    for (const [i, key] of keys.entries()) {
      const copy = copies[i]
      if (copy !== undefined) found.set(key, this.#hitNear(key, copy))
    }
    return found
  }
}

/** When the caller of a call leaves. @throws the reason of its signal, if that has aborted. */
function deadlineOf(key: string, { timeoutMs, signal }: CallOptions): CallerDeadline | undefined {
  signal?.throwIfAborted()
  if (timeoutMs === undefined && signal === undefined) return undefined
  return new CallerDeadline(key, { timeoutMs, signal })
}
