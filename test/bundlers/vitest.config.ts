import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/** `npm run test:bundlers`: not among the other tests, since installing and bundling takes minutes. */
export default defineConfig({
  test: {
    globalSetup: ['prepare.ts', 'nodes.ts'].map((file) => join(import.meta.dirname, '../support', file)),
    include: ['test/bundlers/*.test.ts'],
    deps: { interopDefault: false },
    pool: 'forks',
  },
})
