import { defineConfig } from 'vitest/config'

/** What holds the pure core, in a process that stays: `npm run test:mutation` runs it for each mutant. */
export default defineConfig({
  test: {
    include: ['deployment', 'rollout', 'targets/ec2'].map(
      (folder) => `test/unit/${folder}/**/*.test.ts`,
    ),
    isolate: false,
  },
})
