import { defineConfig } from 'vitest/config'
import { inFull } from './test/support/size.ts'

/** What of the repository's own rules needs no package built. */
const rules = ['architecture', 'reasons', 'schema', 'sources', 'targets', 'threat-model'].map(
  (name) => `test/repository/${name}.test.ts`,
)
const fast = [
  ...['unit', 'property', 'contract'].map((folder) => `test/${folder}/**/*.test.ts`),
  ...rules,
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
          exclude: rules,
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
