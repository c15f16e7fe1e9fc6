import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchPrograms, runSlowTests } from './run/slow.ts'

// `npm run test:faults`: whoever is killed, wherever, and whatever else fails. `npm test` runs the same
// files, but takes a sample of the points and faults only.

const files = [
  'test/host/kills.test.ts',
  'test/host/engine-restarts.test.ts',
  'test/end-to-end/faults.test.ts',
  'test/host/fence.test.ts',
  'test/property/reconcile-deaths.test.ts',
]

process.env['LANDFALL_FAULTS'] = 'all'
const directory = mkdtempSync(join(tmpdir(), 'landfall-faults-'))
try {
  await fetchPrograms()
  const { passed, failed } = await runSlowTests(directory, files)
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
} finally {
  rmSync(directory, { recursive: true })
}
