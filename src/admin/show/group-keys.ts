import type { KeyedCache } from '../../contract/cache.js'
import type { ChildPage } from '../../contract/inspected.js'

/** How many keys the groups have. */
export interface GroupKeys {
  readonly counted: ReadonlyMap<string, number>
  /** True: all groups were counted, so a missing one has no keys. False: there are more groups. */
  readonly isWhole: boolean
}

/** One step of a listing gives 100 children: this many, and one more that shows whether there are others. */
const MAX_COUNTED = 99
const FUNCTIONS = 'func'

/**
 * Counts the keys of the first groups, in the order of their names. It lists the top level once. If there are cached functions, it lists
 * these too, because each function is a group of its own. `undefined` when the store does not answer.
 */
export async function countGroupKeys(cache: KeyedCache): Promise<GroupKeys | undefined> {
  try {
    const top = await cache.children(undefined, { limit: MAX_COUNTED })
    const hasFunctions = top.children.some(({ key, count }) => key === FUNCTIONS && count > 0)
    const functions = hasFunctions ? await cache.children(FUNCTIONS, { limit: MAX_COUNTED }) : undefined
    return {
      counted: new Map([...counts(top), ...(functions ? counts(functions) : [])]),
      isWhole: top.next === undefined && functions?.next === undefined,
    }
  } catch {
    // The page already says that the backend is down. The other numbers are still worth showing.
    return undefined
  }
}

function counts({ children }: ChildPage): [group: string, keys: number][] {
  return children.flatMap(({ key, isKey, count }) => {
    const keys = (isKey ? 1 : 0) + (key === FUNCTIONS ? 0 : count)
    return keys > 0 ? [[key, keys]] : []
  })
}
