import type { CacheStats } from '../../contract/cache.js'
import type { Handler } from '../show/page.js'

/** The content type of Prometheus's text format. */
const TYPE = 'text/plain; version=0.0.4; charset=utf-8'

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number | null]

/** The statistics as Prometheus reads them. */
export const metrics: Handler = async ({ cache }) => ({
  text: metricsText(cache.name, await cache.stats()),
  type: TYPE,
})

/** Writes statistics in Prometheus's text format, with the same numbers. What is not known is left out. */
export function metricsText(cache: string, stats: CacheStats): string {
  return [...families(stats)]
    .filter(({ samples }) => samples.some(([, value]) => value !== null))
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(([labels, value]) => sampleLine(name, { cache, ...labels }, value))
      return [`# HELP ${name} ${help}\n`, `# TYPE ${name} ${type}\n`, ...lines].join('')
    })
    .join('')
}

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly Sample[]
}

function* families(stats: CacheStats): Iterable<Family> {
  const { backend, keys, processes } = stats
  yield gauge('up', 'Whether the backend answers.', backend.up ? 1 : 0)
  yield gauge('round_trip_seconds', 'The last answer of the backend.', seconds(backend.roundTripMs))
  yield gauge('keys', 'Keys that are stored.', keys)
  // The counts of one process are lower than those of all processes. Prometheus would take them for counters that began anew.
  if (backend.kind !== 'memory' && stats.scope === 'process') return
  yield gauge('processes', 'Processes seen in the last 24 hours.', processes.length)
  yield counter('calls', 'Keys asked for.', [[{}, stats.calls]])
  const tiers = Object.entries(stats.hitsBy)
  yield counter(
    'hits',
    'Keys answered from a stored entry.',
    tiers.map(([tier, hits]) => [{ tier }, hits]),
  )
  yield counter('misses', 'Keys not answered from a stored entry.', [[{}, stats.misses]])
  yield counter('stale', 'Hits past their ttl.', [[{}, stats.stale]])
  yield counter('computations', 'Values computed.', [[{}, stats.computations]])
  yield counter('errors', 'Operations of the cache that failed.', [[{}, stats.errors]])
  yield counter('saved_seconds', 'Time that hits did not spend computing.', [[{}, seconds(stats.savedMs)]])
  const byGroup = (read: (group: CacheStats['groups'][number]) => number | null): Sample[] =>
    stats.groups.map((group) => [{ group: group.group }, read(group)])
  yield counter(
    'group_calls',
    'Keys asked for, by group.',
    byGroup(({ calls }) => calls),
  )
  yield counter(
    'group_hits',
    'Keys answered from a stored entry, by group.',
    byGroup(({ hits }) => hits),
  )
  yield counter(
    'group_computations',
    'Values computed, by group.',
    byGroup(({ computations }) => computations),
  )
  yield counter(
    'group_compute_seconds',
    'Time spent computing, by group.',
    byGroup(({ computeMs }) => seconds(computeMs)),
  )
  yield counter(
    'group_saved_seconds',
    'Time that hits did not spend computing, by group.',
    byGroup(({ savedMs }) => seconds(savedMs)),
  )
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `keyedcache_${name}_total`, type: 'counter', help, samples }
}

function gauge(name: string, help: string, value: number | null): Family {
  return { name: `keyedcache_${name}`, type: 'gauge', help, samples: [[{}, value]] }
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000
}

function sampleLine(name: string, labels: Labels, value: number | null): string {
  if (value === null) return ''
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}{${pairs.join(',')}} ${value}\n`
}

function escapeLabel(text: string): string {
  return text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
}
