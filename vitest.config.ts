import { defineConfig } from 'vitest/config'
import { fastRules } from './test/run/files.ts'
import { inFull } from './test/support/size.ts'

const fast = [
  ...['unit', 'property', 'contract'].map((folder) => `test/${folder}/**/*.test.ts`),
  ...fastRules,
]

/**
 * `unit` is the fast part, in `npm run check`; `repository` builds the package; `real` needs root and
 * Docker.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: fast,
          isolate: false,
          // Ends what hangs without a word; every wait says before that what did not come.
          testTimeout: inFull(600_000, 180_000),
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'repository',
          include: ['test/repository/**/*.test.ts'],
          exclude: fastRules,
          // Ends what hangs. A package takes 20 s where nothing else runs, and six times that where much does.
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/host/**/*.test.ts', 'test/end-to-end/**/*.test.ts'],
          fileParallelism: false,
          // An instance's answer has its reason far behind: without it a rare failure tells nothing.
          chaiConfig: { truncateThreshold: 2000 },
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
