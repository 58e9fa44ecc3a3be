import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const files = (...names: string[]): string[] => names.map((name) => `test/${name}.test.ts`)

/** They fill the machine with processes and calls, or notice where others do. */
const HEAVY = files(
  'cache/computing/single-flight-processes',
  'cache/history',
  'faults/connection',
  'faults/redis-away',
  'stores/redis/connection/event-loop-blocked',
  'stores/redis/shards/cluster',
)

/** They wait most of their time, and may not be kept from what they wait for. */
const PATIENT = files(
  'faults/cluster-down',
  'faults/connecting',
  'faults/redis-refuses',
  'admin/pages/fleet',
  'admin/pages/overview-page-browser',
  'stores/redis/connection/acl*',
  'cache/computing/clock-skew',
  'cache/computing/cycles',
  'cache/computing/often-voided',
  'cache/order/order-of-calls',
  'stores/redis/cluster-store',
  'stores/redis/connection/clock-set',
  'demo/demo',
  'demo/security',
  'demo/sign-in',
  'demo/workers',
  'cache/leases/fence',
  'cache/writing/failed-deletions',
  'stores/redis/shards/lost-index',
  'cache/reading/near-tier',
  'original',
  'stores/redis/idle',
  'stores/redis/redis-down',
  'stores/redis/reasons/reasons',
  'stores/redis/redis-store',
  'stores/redis/resilience',
  'stores/redis/connection/sentinel',
  'stores/redis/shards/shards',
  'cache/computing/single-flight',
  'cache/computing/stale-while-revalidate',
  'statistics/stats',
  'stores/redis/connection/tls',
  'cache/trouble-told',
  'upgrade/*',
)

/**
 * They take longest, so they are begun first, in this order: nobody waits for one of them alone at the end, and browsers take turns with
 * others, since several at once slow each other down.
 */
const LONG = files(
  'admin/keyboard-browser',
  'cache/keyed-cache',
  'admin/deletion/deletion',
  'package',
  'admin/mounts-browser',
  'stores/redis/cluster-store',
  'admin/fuzz',
  'admin/browser',
  'admin/pages/key-page',
  'admin/access/security',
  'admin/access/security-browser',
  'hooks',
  'admin/pages/overview-page',
  'admin/axe-browser',
  'cache/computing/stale-while-revalidate',
  'cache/reading/near-tier',
  'demo/sign-in',
  'stores/redis/resilience',
  'upgrade/beside-0.1',
  'upgrade/newer-layout',
)

class LongFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const place = LONG.findIndex((file) => moduleId.endsWith(`/${file}`))
      return place === -1 ? LONG.length : place
    }
    // eslint-disable-next-line unicorn/no-array-sort -- the sequencer's, of no array
    const sorted = await super.sort(specifications)
    return sorted.toSorted((one, other) => placeOf(one) - placeOf(other))
  }
}

/** How many files at once, on 2 cores. Figures that are kept, as those of `npm run faults`, are measured with nothing beside. */
const [BUSY_AT_ONCE, PATIENT_AT_ONCE, HEAVY_AT_ONCE] = process.env['FAULTS'] === 'full' ? [1, 1, 1] : [3, 6, 2]

const EVERY = {
  // Modules of others look to the tests as they look to Node
  deps: { interopDefault: false },
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
} as const

const MEASURED = {
  ...EVERY,
  name: 'measured',
  include: ['test/faults/measured/*.measure.ts'],
  maxWorkers: 1,
  sequence: { groupOrder: 4 },
}

export default defineConfig({
  test: {
    globalSetup: ['test/support/prepare.ts'],
    sequence: { sequencer: LongFirst },
    // One group after the other
    projects: [
      {
        test: {
          ...EVERY,
          name: 'busy',
          include: ['test/**/*.test.ts'],
          exclude: [
            ...configDefaults.exclude,
            'test/bundlers/**',
            'test/examples/**',
            'test/migration/**',
            'test/pairs/**',
            'test/suites/**',
            ...PATIENT,
            ...HEAVY,
          ],
          maxWorkers: BUSY_AT_ONCE,
          // What one file has imported serves the next
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...EVERY,
          name: 'patient',
          include: PATIENT,
          maxWorkers: PATIENT_AT_ONCE,
          isolate: false,
          sequence: { groupOrder: 2 },
        },
      },
      { test: { ...EVERY, name: 'heavy', include: HEAVY, maxWorkers: HEAVY_AT_ONCE, sequence: { groupOrder: 3 } } },
      // Figures of `npm run faults` alone
      ...(process.env['FAULTS'] === undefined ? [] : [{ test: MEASURED }]),
    ],
  },
})
