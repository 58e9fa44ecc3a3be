import type { Store } from '../../src/stores/store.js'

/** The bytes under a key of a store. */
export function readBytes(store: Store, key: string): Promise<Buffer | undefined> {
  return store.read<Buffer | undefined>(
    key,
    (bytes) => bytes,
    (error) => {
      throw error
    },
  )
}
