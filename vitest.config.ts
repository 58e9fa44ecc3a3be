import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['test/support/prepare.ts'],
    include: ['test/**/*.test.ts'],
    // Modules of others look to the tests as they look to Node
    deps: { interopDefault: false },
    pool: 'forks',
    // One file after the other: they start servers, Clusters and browsers, and many measure time
    maxWorkers: 1,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
