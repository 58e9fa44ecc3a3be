import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** `npm run test:pairs`: the package beside each pair of Express and ioredis. Apart from `npm test`, since all is installed for it. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/pairs/*.test.ts'],
    globalSetup: ['test/support/prepare.ts', 'test/support/nodes.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
})
