import type { CacheStats, Computation, KeyedCache } from '../cache/cache.js'
import { amount, moment, number, percent, span, timeout, visible } from './format.js'
import type { Handler } from './page.js'
import { encodeKey } from './query.js'

const KINDS = { memory: 'embedded store', redis: 'Redis', cluster: 'Redis Cluster' }
const MAX_GROUPS = 50

/** What the cache did, where it keeps entries, and whether that answers. */
export const overviewPage: Handler = async ({ cache, link }) => {
  const [stats, computations] = await Promise.all([cache.stats(), computing(cache)])
  return {
    view: 'overview',
    title: 'Overview',
    model: {
      statsUrl: link('api/stats'),
      refreshUrl: link(''),
      isEnabled: cache.enabled,
      totals: totals(stats),
      backend: {
        kind: KINDS[stats.backend.kind],
        up: stats.backend.up,
        since: moment(stats.backend.since),
        roundTrip: roundTrip(stats),
      },
      ttl: timeout(cache.ttl),
      scope: stats.scope,
      processes: stats.processes.map(({ id, startedAt, seenAt }) => ({
        id,
        startedAt: moment(startedAt),
        seenAt: moment(seenAt),
      })),
      groups: stats.groups
        .toSorted((a, b) => b.calls - a.calls)
        .slice(0, MAX_GROUPS)
        .map((group) => ({
          id: group.group,
          name: visible(group.group),
          href: link('keys', { prefix: group.group }),
          calls: number(group.calls),
          hits: number(group.hits),
          hitRate: group.calls === 0 ? '—' : percent(group.hits / group.calls),
          meanCompute: group.computations === 0 ? '—' : span(group.computeMs / group.computations / 1000),
          saved: span(group.savedMs / 1000),
        })),
      computing: computations?.map(({ key, process, since }) => ({
        key: visible(key),
        href: link('key', { k: encodeKey(key) }),
        process,
        since: moment(since),
      })),
    },
  }
}

function totals(stats: CacheStats): object {
  return {
    hitRate: stats.hitRate === null ? '—' : percent(stats.hitRate),
    hitRateNote: stats.hitRate === null ? 'No calls yet' : `of ${amount(stats.calls, 'call')}`,
    calls: number(stats.calls),
    hits: number(stats.hits),
    misses: number(stats.misses),
    keys: stats.keys === null ? 'unavailable' : number(stats.keys),
    saved: span(stats.savedMs / 1000),
    computations: number(stats.computations),
    errors: number(stats.errors),
  }
}

function roundTrip({ backend }: CacheStats): string {
  if (!backend.up) return 'no answer'
  return backend.roundTripMs === null ? 'not measured yet' : span(backend.roundTripMs / 1000)
}

async function computing(cache: KeyedCache): Promise<Computation[] | undefined> {
  try {
    return await cache.computing()
  } catch {
    // the page says already that the backend is down, and the other numbers are worth showing
    return undefined
  }
}
