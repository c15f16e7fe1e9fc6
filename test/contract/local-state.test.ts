import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { writeExports } from '../../local/stack/exports.ts'
import { openState } from '../../local/stack/state.ts'

const modeOf = (path: string): number => statSync(path).mode & 0o777

let directory: string
let umask: number

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'landfall-state-'))
  umask = process.umask(0)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.umask(umask)
  rmSync(directory, { recursive: true })
})

test('no other user of the machine enters the state directory, whatever the umask', () => {
  const state = join(directory, 'below/state')
  openState(state)
  expect(modeOf(state)).toBe(0o700)
  openState(state)
})

test('refuses a state directory that other users may enter, in one line with the command', () => {
  chmodSync(directory, 0o755)
  expect(() => openState(directory)).toThrow(
    `The state directory is open to other users of this machine; run: chmod 700 ${directory}, or choose another --state-dir.`,
  )
  expect(modeOf(directory)).toBe(0o755)
})

test('refuses a state directory of another user, who could read and replace all that is in it', () => {
  const { uid } = statSync(directory)
  vi.spyOn(process, 'getuid').mockReturnValue(uid + 1)
  const refusal = 'The state directory belongs to another user of this machine'
  expect(() => openState(directory)).toThrow(refusal)
  vi.stubEnv('SUDO_UID', String(uid))
  expect(() => openState(directory)).toThrow(refusal)
})

test('takes the state directory of the user who called sudo', () => {
  if (process.getuid?.() === 0) chownSync(directory, 1000, -1)
  vi.spyOn(process, 'getuid').mockReturnValue(0)
  vi.stubEnv('SUDO_UID', String(statSync(directory).uid))
  expect(() => openState(directory)).not.toThrow()
})

test('the line to export is in a file that its user alone reads, as long as the stack runs', () => {
  const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'example' }
  const client = { endpoint: 'http://localhost:4566', region: 'eu-west-3', credentials }
  writeExports(directory, client)
  chmodSync(join(directory, 'env'), 0o644)
  const kept = writeExports(directory, client)
  expect(modeOf(join(directory, 'env'))).toBe(0o600)
  kept.stop()
  expect(() => statSync(join(directory, 'env'))).toThrow('ENOENT')
})
