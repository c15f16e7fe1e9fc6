import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { watchParent } from '../../local/stack/ending.ts'

const ending = join(import.meta.dirname, '../../local/stack/ending.ts')

/** Takes as long to end as the test wants: until its input closes. */
const script = `
import { watchForEnd } from ${JSON.stringify(ending)}
const asked = watchForEnd()
asked.addEventListener('abort', () => console.log('ending'))
process.stdin.on('end', () => process.exit(0)).resume()
console.log('ready')`

describe('a process that is told to end', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ends once, however often %s comes',
    async (signal) => {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', script])
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      expect(await lines.next()).toMatchObject({ value: 'ready' })
      child.kill(signal)
      expect(await lines.next()).toMatchObject({ value: 'ending' })
      for (const again of [signal, 'SIGINT', 'SIGTERM'] as const) child.kill(again)
      child.stdin.end()
      expect(await once(child, 'exit')).toEqual([0, null])
      expect(await lines.next()).toMatchObject({ done: true })
    },
  )
})

describe('a process whose parent is watched', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('ends when it gets another parent, once', () => {
    let parent = 7
    const end = vi.fn<() => void>()
    watchParent(() => parent, end)
    vi.advanceTimersByTime(3_600_000)
    expect(end).not.toHaveBeenCalled()
    parent = 1
    vi.advanceTimersByTime(1000)
    expect(end).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(3_600_000)
    expect(end).toHaveBeenCalledTimes(1)
  })
})

describe('a process whose parent ends', () => {
  /** Tells whether it was asked to end, when it has seen that its parent is another one for a while. */
  const orphan = `
import { watchForEnd } from ${JSON.stringify(ending)}
const asked = watchForEnd()
const first = process.ppid
let looks = 0
const timer = setInterval(() => {
  if (process.ppid !== first) looks += 1
  if (looks < 100 && !asked.aborted) return
  clearInterval(timer)
  console.log(asked.aborted ? 'asked to end' : 'goes on')
}, 10)
console.log('ready')`

  it.each([
    { by: 'npm', event: 'start', outcome: 'asked to end' },
    { by: 'a shell', event: undefined, outcome: 'goes on' },
  ])('is $outcome where it was started by $by', async ({ event, outcome }) => {
    const shell = spawn(
      'sh',
      ['-c', '"$0" --input-type=module --eval "$1" & read line', process.execPath, orphan],
      {
        env: { ...process.env, npm_lifecycle_event: event },
      },
    )
    const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]()
    expect(await lines.next()).toMatchObject({ value: 'ready' })
    shell.kill('SIGKILL')
    expect(await lines.next()).toMatchObject({ value: outcome })
  })
})
