import type { CacheStats } from '../../contract/cache.js'
import type { GroupKeys } from './group-keys.js'

/** The calls of one group of keys, and how many keys it has: `undefined` when that is not known. */
export type Group = CacheStats['groups'][number] & { readonly keys: number | undefined }

/** The groups that are shown one by one, and the sum of all others; `undefined` when there are none. */
export interface ShownGroups {
  readonly shown: readonly Group[]
  readonly other: Group | undefined
}

const MAX_SHOWN = 50
const OTHER = 'other'

/**
 * Joins the counts of calls and of keys. Groups with the most calls come first, then groups that have keys only. If there are too many
 * groups, half of the places are for most calls and half for most keys.
 */
export function shownGroups(stats: CacheStats, keys: GroupKeys | undefined): ShownGroups {
  const known = stats.groups.map((group) => ({ ...group, keys: keysOf(group.group, keys) }))
  const counted = new Set(known.map(({ group }) => group))
  const unasked = Array.from(keys?.counted ?? [], ([group, count]) => ({ ...noCalls(group), keys: count }))
  const all = [...known, ...unasked.filter(({ group }) => !counted.has(group))].toSorted(
    (a, b) => b.calls - a.calls || (b.keys ?? 0) - (a.keys ?? 0) || a.group.localeCompare(b.group),
  )
  if (all.length <= MAX_SHOWN) return { shown: all, other: undefined }
  // Under this name, the statistics sum up groups that they no longer tell apart.
  const named = all.filter(({ group }) => group !== OTHER)
  const busy = named.filter(isMoreThanStray).slice(0, MAX_SHOWN / 2)
  const full = named.filter((group) => !busy.includes(group)).toSorted((a, b) => (b.keys ?? 0) - (a.keys ?? 0))
  const chosen = new Set([...busy, ...full.slice(0, MAX_SHOWN - busy.length)])
  const shown = named.filter((group) => chosen.has(group))
  const rest = all.filter((group) => !shown.includes(group))
  return { shown, other: sum(rest, otherKeys(shown, stats.keys)) }
}

/**
 * Whether a group has more than one call or may have keys. Anybody can make one call for a key that does not exist, so groups with keys
 * matter more.
 */
function isMoreThanStray({ calls, keys }: Group): boolean {
  return calls > 1 || keys !== 0
}

function keysOf(group: string, keys: GroupKeys | undefined): number | undefined {
  return keys?.counted.get(group) ?? (keys?.isWhole ? 0 : undefined)
}

function otherKeys(shown: readonly Group[], total: number | null): number | undefined {
  const counts = shown.map(({ keys }) => keys)
  if (total === null || counts.includes(undefined)) return undefined
  return Math.max(
    0,
    counts.reduce<number>((left, count) => left - (count ?? 0), total),
  )
}

function sum(groups: readonly Group[], keys: number | undefined): Group {
  const total = noCalls(OTHER)
  for (const { calls, hits, computations, computeMs, savedMs } of groups) {
    total.calls += calls
    total.hits += hits
    total.computations += computations
    total.computeMs += computeMs
    total.savedMs += savedMs
  }
  return { ...total, keys }
}

function noCalls(group: string): CacheStats['groups'][number] {
  return { group, calls: 0, hits: 0, computations: 0, computeMs: 0, savedMs: 0 }
}
