import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const files = (...names: string[]): string[] => names.map((name) => `test/${name}.test.ts`)

/** They fill the machine by themselves, or measure what others would spoil. */
const ALONE = files(
  'stores/redis/shards/cluster',
  'stores/redis/connection/event-loop-blocked',
  'faults/redis-away',
  'cache/computing/single-flight-processes',
)

/** They wait most of their time, and may not be kept from what they wait for. */
const PATIENT = files(
  'faults/cluster-down',
  'faults/connect*',
  'faults/redis-refuses',
  'admin/pages/fleet',
  'admin/pages/overview-page-browser',
  'stores/redis/connection/acl*',
  'cache/computing/clock-skew',
  'demo/demo',
  'demo/security',
  'demo/sign-in',
  'demo/workers',
  'cache/leases/fence',
  'cache/writing/failed-deletions',
  'cache/history',
  'stores/redis/shards/lost-index',
  'cache/reading/near-tier',
  'original',
  'stores/redis/redis-down',
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

/** They take longest, so they are begun first: nobody waits for one of them alone at the end. */
const LONG = files(
  'cache/history',
  'cache/computing/stale-while-revalidate',
  'admin/fuzz',
  'admin/axe-browser',
  'admin/pages/torture',
  'demo/sign-in',
  'cache/model',
  'request/request-memory',
)

class LongFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((file) => moduleId.endsWith(file))
    // eslint-disable-next-line unicorn/no-array-sort -- the sequencer's, of no array
    const sorted = await super.sort(specifications)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

/** How many files at once, on 2 cores. Figures that are kept, as those of `npm run faults`, are measured with nothing beside. */
const [BUSY_AT_ONCE, PATIENT_AT_ONCE] = process.env['FAULTS'] === 'full' ? [1, 1] : [3, 5]

const EVERY = {
  // Modules of others look to the tests as they look to Node
  deps: { interopDefault: false },
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
} as const

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
          exclude: [...configDefaults.exclude, ...PATIENT, ...ALONE],
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
      { test: { ...EVERY, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 3 } } },
    ],
  },
})
