import type { CacheStats, KeyedCache } from '../../contract/cache.js'
import type { Computation } from '../../contract/inspected.js'
import { defaultCacheIfMade } from '../../default-cache/configure.js'
import { visible } from '../../checks/visible.js'
import { hourChart } from '../show/chart.js'
import { amount, hitRate, moment, number, percent, span, timeout } from '../show/format.js'
import { countGroupKeys } from '../show/group-keys.js'
import { shownGroups, type Group } from '../show/groups.js'
import { keyText } from '../show/key-text.js'
import type { Link } from '../http/mount.js'
import type { Handler } from '../show/page.js'
import { encodeKey } from '../http/query.js'

const KINDS = { memory: 'Embedded store', redis: 'Redis', cluster: 'Redis Cluster' }
const MAX_ROWS = 20

/** What the cache did, where it keeps entries, and whether the store answers. */
export const overviewPage: Handler = async ({ cache, link }) => {
  const [stats, computations, keys] = await Promise.all([cache.stats(), computing(cache), countGroupKeys(cache)])
  const { shown, other } = shownGroups(stats, keys)
  return {
    view: 'overview',
    title: 'Overview',
    model: {
      statsUrl: link('api/stats'),
      refreshUrl: link(''),
      isEnabled: cache.enabled,
      isDefault: cache === defaultCacheIfMade(),
      totals: totals(stats),
      backend: backend(stats),
      ttl: timeout(cache.ttl),
      ...scope(stats),
      chart: hourChart(stats.minutes),
      groups: shown.map((group) => ({
        id: group.group,
        name: keyText(group.group),
        href: link('keys', { prefix: group.group }),
        cells: groupCells(group),
      })),
      otherGroups: other && groupCells(other),
      ...computationRows(computations, link),
      ...processRows(stats),
    },
  }
}

function totals(stats: CacheStats): object {
  const { calls, hits, misses, stale, keys, savedMs, computations, errors, hitsBy } = stats
  return {
    rate: stats.hitRate,
    hitRate: stats.hitRate === null ? '—' : percent(stats.hitRate),
    hitRateNote: stats.hitRate === null ? 'No calls yet' : `of ${amount(calls, 'call')}`,
    calls: number(calls),
    hits: number(hits),
    misses: number(misses),
    stale: number(stale),
    keys: keys === null ? 'unavailable' : number(keys),
    saved: span(savedMs / 1000),
    computations: number(computations),
    errors: number(errors),
    fallback: number(hitsBy.fallback),
  }
}

function backend({ backend: { kind, up, since, roundTripMs, address, error } }: CacheStats): object {
  const measured = roundTripMs === null ? 'not measured yet' : span(roundTripMs / 1000)
  const where = address === undefined ? undefined : visible(address)
  return { kind: KINDS[kind], up, since: moment(since), roundTrip: up ? measured : 'no answer', address: where, error }
}

/** Whether these are the numbers of all processes or of this one only. While the backend is down, this process does not know the others. */
function scope({ scope: ofWhom, backend: { kind }, processes }: CacheStats): object {
  const [own] = processes
  const isShared = kind !== 'memory'
  return {
    scope: ofWhom,
    isShared,
    processCount: number(processes.length),
    thisProcess: isShared || own === undefined ? undefined : { id: own.id, since: moment(own.startedAt) },
  }
}

/** Calls, hits, hit rate, mean time to compute, time saved, keys. */
function groupCells({ calls, hits, computations, computeMs, savedMs, keys }: Group): string[] {
  return [
    number(calls),
    number(hits),
    hitRate(hits, calls),
    computations === 0 ? '—' : span(computeMs / computations / 1000),
    span(savedMs / 1000),
    keys === undefined ? '—' : number(keys),
  ]
}

function computationRows(computations: readonly Computation[] | undefined, link: Link): object {
  return {
    computing: computations
      ?.toSorted((a, b) => a.since.getTime() - b.since.getTime())
      .slice(0, MAX_ROWS)
      .map(({ key, process, since }) => ({
        key: keyText(key),
        href: link('key', { k: encodeKey(key) }),
        process: visible(process),
        since: moment(since),
      })),
    moreComputing: more(computations ?? []),
  }
}

function processRows({ processes }: CacheStats): object {
  return {
    processes: processes
      .toSorted((a, b) => b.seenAt.getTime() - a.seenAt.getTime())
      .slice(0, MAX_ROWS)
      .map(({ id, startedAt, seenAt }) => ({
        id: visible(id),
        startedAt: moment(startedAt),
        seenAt: moment(seenAt),
      })),
    moreProcesses: more(processes),
  }
}

function more(rows: readonly unknown[]): string | undefined {
  return rows.length > MAX_ROWS ? number(rows.length - MAX_ROWS) : undefined
}

async function computing(cache: KeyedCache): Promise<Computation[] | undefined> {
  try {
    return await cache.computing()
  } catch {
    // The page already says that the backend is down. The other numbers are still worth showing.
    return undefined
  }
}
