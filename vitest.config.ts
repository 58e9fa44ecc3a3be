import { defineConfig } from 'vitest/config'

/** Tests that measure time, or load the machine, have it to themselves. */
const ALONE = [
  'test/admin-fleet.test.ts',
  'test/admin-overview.test.ts',
  'test/clock-skew.test.ts',
  'test/cluster.test.ts',
  'test/demo-browser.test.ts',
  'test/faults/**/*.test.ts',
  'test/fence.test.ts',
  'test/history.test.ts',
  'test/request-memory.test.ts',
  'test/sentinel.test.ts',
  'test/single-flight-processes.test.ts',
  'test/stale-while-revalidate.test.ts',
]

const common = {
  // Modules of others look to the tests as they look to Node
  deps: { interopDefault: false },
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
} as const

export default defineConfig({
  test: {
    globalSetup: ['test/support/prepare.ts'],
    projects: [
      {
        test: {
          ...common,
          name: 'side by side',
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...common, name: 'alone', include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
})
