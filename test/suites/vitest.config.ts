import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** `npm run test:suites`: suites of a user in other test runners. Apart from `npm test`, since all is installed for it. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/suites/*.test.ts'],
    globalSetup: ['test/support/prepare.ts'],
    pool: 'forks',
    testTimeout: 150_000,
    hookTimeout: 60_000,
  },
})
