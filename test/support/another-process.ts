import { shared } from '../../src/contract/copies/shared.js'

/** Opens a cache as another process would: the caches of this process hear of it through Redis alone. */
export function asAnotherProcess<T>(open: () => T): T {
  const here = [...shared.places]
  shared.places.clear()
  try {
    return open()
  } finally {
    shared.places.clear()
    for (const [name, place] of here) shared.places.set(name, place)
  }
}
