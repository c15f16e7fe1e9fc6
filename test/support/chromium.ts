import type { Program } from '../../local/docker/packages.ts'

/** Debian's browser: playwright-core brings none (docs/decisions/0055-the-page.md). */
export const chromiumProgram: Program = { name: 'chromium', package: 'chromium' }
