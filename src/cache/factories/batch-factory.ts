import { isError } from '../../checks/is-error.js'
import { realTime } from '../../checks/real-time.js'
import type { Factory, FactoryContext, ManyFactory, ManyFactoryContext } from '../../contract/factory.js'
import { current, FactoryLink } from './factory-chain.js'
import { FactoryWait } from './factory-wait.js'
import type { Key } from '../../keys/key.js'
import { kindOf } from '../../checks/kind.js'
import { show } from '../../checks/show.js'
import { checkFunction } from '../../contract/options/option-checks.js'

/** One key of a batch, to be computed. */
interface Waiting<T> {
  readonly context: FactoryContext
  readonly link: FactoryLink | undefined
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/** What one key of a batch has of it. */
export interface Member<T> {
  readonly factory: Factory<T>
  /** Says that it is being asked whether somebody else computes the key. */
  readonly ask: () => void
  /** Says that the key is not computed here now. */
  readonly stay: () => void
}

/**
 * How long a call waits for one more key that others have given up. The ends of their computations are told one after the other, and on a
 * Cluster by several servers.
 */
const GATHER_MS = 10

/**
 * Offers a factory of many keys as one factory for each key. It is called once, when it is known for every key whether this process
 * computes it. It gets the keys to compute, in their order. If others were computing some keys and gave no value, it is called once more,
 * when the same is known again, with all of those.
 */
export class BatchFactory<T> {
  readonly #cache: object
  readonly #keys: readonly string[]
  readonly #factory: ManyFactory<T, string>
  readonly #undecided: Set<string>
  readonly #abort = new AbortController()
  readonly #signals = new Set<AbortSignal>()
  #waiting = new Map<string, Waiting<T>>()
  /** Whether a key was decided before, and is asked for again. */
  #asksAgain = false
  #gathers = false

  constructor(cache: object, keys: readonly string[], factory: ManyFactory<T, string>) {
    this.#cache = cache
    this.#keys = keys
    this.#undecided = new Set(keys)
    this.#factory = factory
  }

  member(key: string): Member<T> {
    return {
      factory: (context) =>
        new Promise<T>((resolve, reject) => {
          const { signal } = context
          this.#signals.add(signal)
          signal.addEventListener('abort', () => this.#abortWithLast(signal), { once: true })
          this.#waiting.set(key, { context, link: current(), resolve, reject })
          this.#decide(key)
        }),
      ask: () => {
        if (this.#undecided.has(key)) return
        this.#undecided.add(key)
        this.#asksAgain = true
      },
      stay: () => this.#decide(key),
    }
  }

  #decide(key: string): void {
    this.#undecided.delete(key)
    if (!this.#isDecided || this.#gathers) return
    if (!this.#asksAgain) {
      this.#callAll()
      return
    }
    this.#gathers = true
    this.#gather()
  }

  /** Calls the factory when no more keys have come for a moment. */
  #gather(): void {
    const { size } = this.#waiting
    realTime.setTimeout(() => {
      if (this.#waiting.size > size) {
        this.#gather()
        return
      }
      this.#gathers = false
      if (this.#isDecided) this.#callAll()
    }, GATHER_MS)
  }

  get #isDecided(): boolean {
    return this.#undecided.size === 0 && this.#waiting.size > 0
  }

  #callAll(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    void this.#call(waiting)
  }

  #abortWithLast(signal: AbortSignal): void {
    this.#signals.delete(signal)
    if (this.#signals.size === 0) this.#abort.abort(signal.reason)
  }

  async #call(waiting: ReadonlyMap<string, Waiting<T>>): Promise<void> {
    const missing = this.#keys.filter((key) => waiting.has(key))
    const members = missing.map((key) => waiting.get(key) as Waiting<T>)
    const link = new FactoryLink(this.#cache, missing)
    const on = { link, followed: undefined }
    const waits = members.flatMap((member, i) =>
      member.link === undefined ? [] : [new FactoryWait(member.link, on, missing[i] as string)],
    )
    try {
      const results = await link.run(() => this.#factory(missing, this.#contextOf(members)))
      if (!Array.isArray(results) || results.length !== members.length) {
        throw new TypeError(
          `Expected the factory to give ${members.length} ${members.length === 1 ? 'result' : 'results'}, one for each key, got ${kindOf(results)}`,
        )
      }
      for (const [i, { resolve, reject }] of members.entries()) {
        const result = results[i] as T | Error
        if (isError(result)) reject(result)
        else resolve(result)
      }
    } catch (error) {
      for (const { reject } of members) reject(error)
    } finally {
      link.end()
      for (const wait of waits) wait.end()
    }
  }

  #contextOf(members: readonly Waiting<T>[]): ManyFactoryContext {
    const at = (place: number): FactoryContext => {
      const member = Number.isInteger(place) ? members[place] : undefined
      if (member !== undefined) return member.context
      const most = members.length - 1
      throw new TypeError(`Expected a place in the missing keys, a whole number from 0 to ${most}, got ${show(place)}`)
    }
    return {
      signal: this.#abort.signal,
      setTtl: (place, ttl) => at(place).setTtl(ttl),
      setGrace: (place, grace) => at(place).setGrace(grace),
      setTags: (place, tags) => at(place).setTags(tags),
      skip: (place) => at(place).skip(),
    }
  }
}

/** Makes a factory of full keys from a factory that takes keys as the caller gave them. Of a key given twice, it gets the first form. */
export function ofFullKeys<T, K extends Key>(
  full: readonly string[],
  keys: readonly K[],
  factory: ManyFactory<T, K>,
): ManyFactory<T, string> {
  checkFunction(factory, 'the factory')
  const given = new Map(full.map((key, i) => [key, keys[i] as K] as const).toReversed())
  return (missing, context) =>
    factory(
      missing.map((key) => given.get(key) as K),
      context,
    )
}
