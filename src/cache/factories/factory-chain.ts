import type { AsyncLocalStorage } from 'node:async_hooks'
import { quoted } from '../../checks/one-line.js'
import { shared } from '../../contract/copies/shared.js'

const chain = shared.computations as AsyncLocalStorage<FactoryLink>

/**
 * A running computation, visible to all code that its factory calls. It is one link of a chain: a factory, the factory that asked for it,
 * and so on. Work that a factory began and did not await may run on after the computation. That work is then no part of it any more.
 */
export class FactoryLink {
  readonly #cache: object
  readonly #keys: ReadonlySet<string>
  readonly #outer: FactoryLink | undefined
  #ended = false

  /** A computation of these full keys, asked for by the code that runs now. */
  constructor(cache: object, keys: Iterable<string>) {
    this.#cache = cache
    this.#keys = new Set(keys)
    this.#outer = current()
  }

  /** Runs the factory of the keys inside this link. */
  run<T>(factory: () => T): T {
    return chain.run(this, factory)
  }

  /** Says that the computation has ended. */
  end(): void {
    this.#ended = true
  }

  /** This link, or the nearest outer one that has not ended. */
  get underWay(): FactoryLink | undefined {
    return this.#ended ? this.#outer?.underWay : this
  }

  /** Whether this link or an outer one computes a key. */
  computes(cache: object, key: string): boolean {
    return (this.#cache === cache && this.#keys.has(key)) || this.#outer?.underWay?.computes(cache, key) === true
  }
}

function current(): FactoryLink | undefined {
  return chain.getStore()?.underWay
}

/** Whether the calling code runs inside a factory, whose result others will share. */
export function insideFactory(): boolean {
  return current() !== undefined
}

/** @throws {Error} when the key is asked for inside its own factory, which would wait for itself for ever. */
export function refuseOwnKey(cache: object, key: string): void {
  if (current()?.computes(cache, key) === true) {
    throw new Error(`${quoted(key)} is asked for inside its own factory, which would wait for itself for ever`)
  }
}
