import { defineConfig } from 'vitest/config'

export default defineConfig({ test: { include: ['shop.vitest.test.js'] } })
