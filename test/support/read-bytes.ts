import type { Store } from '../../src/contract/store.js'

/** The bytes under a key of a store. */
export function readBytes(store: Store, key: string): Promise<Buffer | undefined> {
  return store.read<Buffer | undefined>(key, (bytes) => bytes)
}

/** The bytes under each of these keys. */
export function readAllBytes(store: Store, keys: readonly string[]): Promise<(Buffer | undefined)[]> {
  return store.readMany<Buffer | undefined>(
    keys,
    (bytes) => bytes,
    (error) => {
      throw error
    },
  )
}
