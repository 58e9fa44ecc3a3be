import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** `npm run test:migration`: what docs/migration says, with the caches of others. Apart from `npm test`, since all is installed for it. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/migration/*.test.ts'],
    globalSetup: ['test/support/prepare.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
})
