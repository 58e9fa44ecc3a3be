import type { CacheStats } from '../cache/cache.js'
import type { GroupKeys } from './group-keys.js'

/** What one group of keys did, and how many keys it has: `undefined` when that is not known. */
export type Group = CacheStats['groups'][number] & { readonly keys: number | undefined }

/** The groups that are shown one by one, and the sum of all others; `undefined` when there are none. */
export interface ShownGroups {
  readonly shown: readonly Group[]
  readonly other: Group | undefined
}

const MAX_SHOWN = 50
const OTHER = 'other'

/** Puts together what was counted of calls and of keys: the groups with most calls first, then those that have keys only. */
export function shownGroups(stats: CacheStats, keys: GroupKeys | undefined): ShownGroups {
  const known = stats.groups.map((group) => ({ ...group, keys: keysOf(group.group, keys) }))
  const named = new Set(known.map(({ group }) => group))
  const unasked = Array.from(keys?.counted ?? [], ([group, count]) => ({ ...noCalls(group), keys: count }))
  const all = [...known, ...unasked.filter(({ group }) => !named.has(group))].toSorted(
    (a, b) => b.calls - a.calls || (b.keys ?? 0) - (a.keys ?? 0) || a.group.localeCompare(b.group),
  )
  if (all.length <= MAX_SHOWN) return { shown: all, other: undefined }
  // the statistics sum up what they no longer tell apart under this name
  const shown = all.filter(({ group }) => group !== OTHER).slice(0, MAX_SHOWN)
  const rest = all.filter((group) => !shown.includes(group))
  return { shown, other: sum(rest, otherKeys(shown, stats.keys)) }
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
