import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const files = (...names: string[]): string[] => names.map((name) => `test/${name}.test.ts`)

/** They fill the machine by themselves, or measure what others would spoil. */
const ALONE = files(
  'cluster',
  'faults/redis-away',
  'fence',
  'history',
  'resilience',
  'sentinel',
  'shards',
  'single-flight-processes',
)

/** They wait most of their time, and may not be kept from what they wait for. */
const PATIENT = files(
  'faults/cluster-down',
  'faults/connect*',
  'faults/redis-refuses',
  'acl',
  'clock-skew',
  'demo-security',
  'failed-deletions',
  'original',
  'redis-down',
  'redis-store',
  'single-flight',
  'stale-while-revalidate',
  'stats',
  'tls',
  'trouble-told',
)

/** Watches for a minute what others can be run beside, so it is not to be begun last. */
const LONG = 'stale-while-revalidate'

class LongFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = (file: TestSpecification): number => Number(file.moduleId.includes(LONG))
    // eslint-disable-next-line unicorn/no-array-sort -- the sequencer's, of no array
    const sorted = await super.sort(specifications)
    return sorted.toSorted((a, b) => isLong(b) - isLong(a))
  }
}

/** Figures that are kept, as those of `npm run faults`, are measured with nothing beside. */
const AT_ONCE = process.env['FAULTS'] === 'full' ? 1 : 2

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
          maxWorkers: AT_ONCE,
          // What one file has imported serves the next
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...EVERY, name: 'patient', include: PATIENT, maxWorkers: AT_ONCE, sequence: { groupOrder: 2 } } },
      { test: { ...EVERY, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 3 } } },
    ],
  },
})
