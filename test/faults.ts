import { spawn } from 'node:child_process'
import { ensureEngine } from '../local/docker/engine.ts'

// `npm run test:faults`: whoever is killed, wherever, and whatever else fails. `npm test` runs the same
// files, but takes a sample of the points and faults only.

const files = [
  'test/property/reconcile-deaths.test.ts',
  'test/host/fence.test.ts',
  'test/host/kills.test.ts',
  'test/end-to-end/faults.test.ts',
]

const engine = await ensureEngine()
try {
  process.exitCode = await new Promise<number>((resolve) => {
    const child = spawn('vitest', ['run', ...files], {
      env: { ...process.env, LANDFALL_FAULTS: 'all' },
      stdio: 'inherit',
    })
    child.on('error', () => resolve(1))
    child.on('close', (code) => resolve(code ?? 1))
  })
} finally {
  await engine.stop()
}
