import type { AsyncLocalStorage } from 'node:async_hooks'
import { shared } from '../../contract/copies/shared.js'
import type { CycleProbe } from '../../contract/store.js'

/** A computation that a factory can wait for. */
export interface Awaited {
  /** Its factory, if that runs in this process. */
  readonly link: FactoryLink | undefined
  /** The computation of another process that it follows, if it does. */
  readonly followed: Followed | undefined
}

/** A computation of another process that one of this process follows. */
export interface Followed {
  /** Sends a probe after it. */
  ask(): void
  /** Sends a probe on, which has come over this wait. If the probe is its own, that has gone round a cycle. */
  pass(probe: CycleProbe, wait: Wait): void
}

/** A call inside a factory that waits. */
export interface Wait {
  /** No other wait of this process has this number. */
  readonly number: number
  readonly on: Awaited
  /** Ends it with an error, because it is part of a cycle. */
  refuse(): void
}

const chain = shared.computations as AsyncLocalStorage<FactoryLink>

/**
 * A running computation, visible to all code that its factory calls. It is one link of a chain: a factory, the factory that asked for it,
 * and so on. Work that a factory began and did not await may run on after the computation. That work is then no part of it any more.
 *
 * A link that has ended is left out of the chain, so that a factory that begins another one, and that one the next, keeps none of them in
 * memory. Nothing here calls itself, because a chain may have any length.
 */
export class FactoryLink {
  readonly #cache: object
  readonly #keys: ReadonlySet<string>
  #next: FactoryLink | undefined
  #hasEnded = false
  #waits: Set<Wait> | undefined

  /** A computation of these full keys, asked for by the code that runs now. */
  constructor(cache: object, keys: Iterable<string>) {
    this.#cache = cache
    this.#keys = new Set(keys)
    this.#next = current()
  }

  /** Runs the factory of the keys inside this link. */
  run<T>(factory: () => T): T {
    return chain.run(this, factory)
  }

  /** Says that the computation has ended. */
  end(): void {
    this.#hasEnded = true
    this.#next = this.outer
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** The link behind, whether it has ended or not. */
  get next(): FactoryLink | undefined {
    return this.#next
  }

  /** The nearest outer link that has not ended. */
  get outer(): FactoryLink | undefined {
    while (this.#next?.hasEnded === true) this.#next = this.#next.next
    return this.#next
  }

  /** This link, or the nearest outer one that has not ended. */
  get underWay(): FactoryLink | undefined {
    return this.#hasEnded ? this.outer : this
  }

  /** Whether this link itself computes a key. */
  isOf(cache: object, key: string): boolean {
    return this.#cache === cache && this.#keys.has(key)
  }

  /** What the factory waits for now. */
  get waits(): Iterable<Wait> {
    return this.#waits ?? []
  }

  /** Says that the factory waits for a computation. Gives what ends that. */
  begin(wait: Wait): () => void {
    const waits = (this.#waits ??= new Set())
    waits.add(wait)
    return () => void waits.delete(wait)
  }
}

/** The innermost factory that the calling code runs in. */
export function current(): FactoryLink | undefined {
  return chain.getStore()?.underWay
}

/** Whether the calling code runs inside a factory, whose result others will share. */
export function insideFactory(): boolean {
  return current() !== undefined
}
