import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** `npm run test:examples`: the applications of `examples`, installed and run as their readers do. Apart from `npm test`, since all is installed for it. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '../..'),
    include: ['test/examples/*.test.ts'],
    globalSetup: ['test/support/prepare.ts', 'test/support/nodes.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 300_000,
  },
})
