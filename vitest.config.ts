import { defineConfig } from 'vitest/config'

const fast = ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts', 'test/contract/**/*.test.ts']

/** `unit` is the fast part of `npm run check`; `real` needs root, Docker and the packaged service. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: fast, testTimeout: 20_000 } },
      {
        test: {
          name: 'repository',
          include: ['test/repository/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/host/**/*.test.ts', 'test/end-to-end/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
