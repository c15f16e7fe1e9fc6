import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from '../../local/docker/docker.ts'
import { replaceText } from './edit.ts'

/**
 * What becomes of the engine at a point of a run: `down` it is stopped and just starts again, `back` it has been
 * started again, `gone` it stays stopped until it is started by the test.
 */
export type Outage = 'down' | 'back' | 'gone'

/** As `systemctl restart docker`: the containers are stopped, and those with a restart policy started anew. */
const script = String.raw`#!/bin/bash
stop() {
  local pid
  pid=$(<"$run/docker.pid")
  cat "/proc/$pid/cmdline" >"$here/order"
  readlink "/proc/$pid/fd/1" >"$here/log"
  kill -TERM "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
}
start() {
  mapfile -d '' order <"$here/order"
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin setsid "${'$'}{order[@]}" \
    >>"$(<"$here/log")" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
}
answer() {
  for ((i = 0; i < 600; i++)); do
    if /usr/bin/docker version >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  exit 1
}
here=${'$'}{0%/*} run=${'$'}{DOCKER_HOST#unix://} run=${'$'}{run%/*}
case $1 in
  down) stop; start ;;
  back) stop; start; answer ;;
  gone) stop ;;
  start) [[ -e $run/docker.pid ]] || start; answer ;;
esac
`

/** For an engine that stays away: a run waits out in full what it waits for one, so a second shows as much as sixty. */
export const hastenWaitForEngine = replaceText(
  'until_true "$(remaining 60)" engine_answers',
  'until_true "$(remaining 1)" engine_answers',
)

export interface EngineControl {
  /** A program that takes an outage as its argument. */
  readonly program: string
  /** Starts the engine if it was stopped, and waits until it answers. */
  start(): Promise<void>
  close(): void
}

/** The engine of a lane can be restarted; that of the machine, and its firewall, are not for the tests to change. */
export const canRestartEngine = (): boolean => {
  const host = process.env['DOCKER_HOST'] ?? ''
  return host.includes('/landfall-lane-') && existsSync(join(dirname(host.slice(7)), 'docker.pid'))
}

export const createEngineControl = (): EngineControl => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-engine-control-'))
  const program = join(directory, 'engine')
  writeFileSync(program, script, { mode: 0o700 })
  return {
    program,
    start: async () => {
      await run(program, ['start'])
    },
    close: () => rmSync(directory, { recursive: true }),
  }
}
