import { AsyncLocalStorage } from 'node:async_hooks'

/** The keys being computed from here outwards: a factory, the factory that asked for it, and so on. */
interface Link {
  readonly cache: object
  readonly key: string
  readonly outer: Link | undefined
}

const chain = new AsyncLocalStorage<Link>()

/** Whether the code that asks runs inside a factory, whose result others will share. */
export function insideFactory(): boolean {
  return chain.getStore() !== undefined
}

/** Runs a factory, and lets all that it calls know which key it computes. */
export function runFactory<T>(cache: object, key: string, factory: () => T): T {
  return chain.run({ cache, key, outer: chain.getStore() }, factory)
}

/** @throws {Error} when the key is asked for inside its own factory, which would wait for itself for ever. */
export function refuseOwnKey(cache: object, key: string): void {
  for (let link = chain.getStore(); link !== undefined; link = link.outer) {
    if (link.cache === cache && link.key === key) {
      throw new Error(
        `${JSON.stringify(key)} is asked for inside its own factory, which would wait for itself for ever`,
      )
    }
  }
}
