import { defineConfig } from 'vitest/config'

import { CLIENT_ALIAS } from './tools/sources'

export default defineConfig({
  resolve: { alias: CLIENT_ALIAS },
  test: {
    include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.{ts,tsx}'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
