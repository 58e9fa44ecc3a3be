import type { ChildPage, KeyedCache } from '../../contract/cache.js'

/** How many keys the groups have. */
export interface GroupKeys {
  readonly counted: ReadonlyMap<string, number>
  /** Whether a group that was not counted has no keys, rather than standing beyond those that were. */
  readonly isWhole: boolean
}

/** One step of a listing gives that many, one more being looked at. */
const MAX_COUNTED = 99
const FUNCTIONS = 'func'

/**
 * Counts the keys of the first groups by the order of their names: one listing of the top level, and one of the functions where
 * there are any, since each of these is a group of its own. `undefined` when the store does not answer.
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
    // the page says already that the backend is down, and the other numbers are worth showing
    return undefined
  }
}

function counts({ children }: ChildPage): [group: string, keys: number][] {
  return children.flatMap(({ key, isKey, count }) => {
    const keys = (isKey ? 1 : 0) + (key === FUNCTIONS ? 0 : count)
    return keys > 0 ? [[key, keys]] : []
  })
}
