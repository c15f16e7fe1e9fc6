import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const fileOfNow = 'LANDFALL_TEST_CLOCK'

/**
 * The clock of the host scripts, which a test controls: two functions of theirs, and programs that stand before the machine's own in PATH. It stands
 * still, and a pause of the scripts is a real one, until `go`; from then on a pause takes no time and moves the clock on
 * by its length. The time that real programs take never counts.
 */
export interface Clock {
  readonly environment: Readonly<Record<string, string>>
  go(): void
  stop(): void
  /** Moves it on by as much, and to the real time if that is later. */
  pass(seconds: number): void
  /** What has passed on it. */
  seconds(): number
  close(): void
}

/** The script with this clock, where one is in its environment. */
export const withTestClock = (
  script: string,
  { environment }: Pick<Clock, 'environment'>,
): string => {
  if (environment[fileOfNow] === undefined) return script
  const own = /^now_ms\(\) \{\n(?:.+\n)+?\}\nnow\(\) .*$/m
  if (!own.test(script)) throw new Error('the host scripts read their clock elsewhere')
  const functions = `now_ms() { cat "$${fileOfNow}"; }\nnow() { echo $(($(now_ms) / 1000)); }`
  return script.replace(own, () => functions)
}

const sleep = String.raw`#!/bin/bash
[[ -e ${'$'}{0%/*}/goes ]] || exec /bin/sleep "$@"
[[ $1 =~ ^([0-9]+)(\.([0-9]{1,3}))?$ ]] || exit 1
part=${'$'}{BASH_REMATCH[3]}000
read -r now <"${'$'}{0%/*}/now"
echo "$((now + BASH_REMATCH[1] * 1000 + 10#${'$'}{part:0:3}))" >"${'$'}{0%/*}/now"
`

/** The engine has the real time: asked for events until a later one, `docker events` would wait for it. */
const docker = `#!/bin/sh
[ "$1" != events ] || set -- "$@" --until "$(($(/bin/date +%s) + 1))"
PATH=\${PATH#*:}
exec docker "$@"
`

export const createClock = (): Clock => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-clock-'))
  const file = (name: string): string => join(directory, name)
  const began = Date.now()
  const now = (): number => Number(readFileSync(file('now'), 'utf8'))
  // The scripts read it at any time: it is never half-written.
  const set = (ms: number): void => {
    writeFileSync(file('next'), `${ms}\n`)
    renameSync(file('next'), file('now'))
  }
  set(began)
  writeFileSync(file('sleep'), sleep, { mode: 0o755 })
  writeFileSync(file('docker'), docker, { mode: 0o755 })
  return {
    environment: {
      PATH: `${directory}:/usr/sbin:/usr/bin:/sbin:/bin`,
      [fileOfNow]: file('now'),
    },
    go: () => writeFileSync(file('goes'), ''),
    stop: () => rmSync(file('goes'), { force: true }),
    pass: (seconds) => set(Math.max(Date.now(), now() + seconds * 1000)),
    seconds: () => (now() - began) / 1000,
    close: () => {
      if (existsSync(directory)) rmSync(directory, { recursive: true })
    },
  }
}
