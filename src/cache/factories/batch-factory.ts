import { isError } from '../../checks/is-error.js'
import type { Factory, ManyFactory } from '../../contract/cache.js'
import { FactoryLink } from './factory-chain.js'
import type { Key } from '../../keys/key.js'
import { kindOf } from '../../checks/kind.js'
import { checkFunction } from '../../contract/options/option-checks.js'

interface Waiting<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/**
 * Offers a factory of many keys as one factory for each key. It is called once, when it is known for every key whether this process
 * computes it. It gets the keys to compute, in their order. If a key has to be computed later, because another process gave up, that key
 * gets a call of its own.
 */
export class BatchFactory<T> {
  readonly #cache: object
  readonly #keys: readonly string[]
  readonly #factory: ManyFactory<T, string>
  readonly #undecided: Set<string>
  readonly #abort = new AbortController()
  readonly #signals = new Set<AbortSignal>()
  #waiting = new Map<string, Waiting<T>>()

  constructor(cache: object, keys: readonly string[], factory: ManyFactory<T, string>) {
    this.#cache = cache
    this.#keys = keys
    this.#undecided = new Set(keys)
    this.#factory = factory
  }

  /** The factory of one key, and `stay` to say that the key is not computed here. */
  member(key: string): { readonly factory: Factory<T>; readonly stay: () => void } {
    return {
      factory: ({ signal }) =>
        new Promise<T>((resolve, reject) => {
          this.#signals.add(signal)
          signal.addEventListener('abort', () => this.#abortWithLast(signal), { once: true })
          this.#waiting.set(key, { resolve, reject })
          this.#decide(key)
        }),
      stay: () => this.#decide(key),
    }
  }

  #decide(key: string): void {
    this.#undecided.delete(key)
    if (this.#undecided.size > 0 || this.#waiting.size === 0) return
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
    const link = new FactoryLink(this.#cache, missing)
    try {
      const results = await link.run(() => this.#factory(missing, { signal: this.#abort.signal }))
      if (!Array.isArray(results) || results.length !== waiting.size) {
        throw new TypeError(
          `Expected the factory to give ${waiting.size} ${waiting.size === 1 ? 'result' : 'results'}, one for each key, got ${kindOf(results)}`,
        )
      }
      for (const [i, key] of missing.entries()) {
        const { resolve, reject } = waiting.get(key) as Waiting<T>
        const result = results[i] as T | Error
        if (isError(result)) reject(result)
        else resolve(result)
      }
    } catch (error) {
      for (const { reject } of waiting.values()) reject(error)
    } finally {
      link.end()
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
