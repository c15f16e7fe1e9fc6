import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Edit } from './edit.ts'

/** A place in a run of a host script: `inside` a call is with its work half done. */
export interface Point {
  readonly step: string
  readonly call: string
  /** Counted from 1: the same call may come more than once in a step. */
  readonly time: number
  readonly when: 'before' | 'inside'
}

/** Every program by which the scripts change the world or take a lock; `landfall-begin` is a step's begin. */
const programs = [
  'docker mv rm ln install mkdir chmod cat base64 openssl nsenter flock',
  'landfall-begin',
].flatMap((names) => names.split(' '))

/** What can be found half done, where a killed client leaves the engine at work. */
const isDivisible = (call: string): boolean =>
  /^(cat|base64|openssl (cms|genpkey|req)|rm -rf|docker (create|login|network|pull|rm|rmi|run|start|stop|update)) /.test(
    call,
  )

/**
 * Stands before each program: notes calls that change something, and at the one named kills the
 * script's process group, as the agent's cancel does. What `timeout` put into a group of its own
 * lives on, as it would there.
 */
const shim = String.raw`#!/bin/bash
shopt -s extglob
name=${'$'}{0##*/} last=${'$'}{*: -1} call=''
for real in /usr/{sbin,bin}/"$name" /{sbin,bin}/"$name" true; do [[ ! -x $real ]] || break; done
case $name in
  landfall-begin) call='begin' ;;
  docker)
    case $1 in
      create | run | pull | login) call="docker $1 " ;;
      network) [[ $2 == inspect ]] || call="docker network $2 $last" ;;
      start | stop | rm | rmi | tag | update) call="docker $1 $last" ;;
    esac
    ;;
  cat | base64)
    out=$(readlink "/proc/$$/fd/1")
    [[ $out != "$LANDFALL_ROOT"/* || $out == */log ]] || call="$name $out"
    ;;
  openssl) call="openssl $1 $last" ;;
  nsenter)
    case $* in
      *' set server '*) call='nsenter set server' ;;
      *' cli reload') call='nsenter reload' ;;
    esac
    ;;
  rm) call="rm $([[ $1 != -rf ]] || printf %s '-rf ')$last" ;;
  *) call="$name $last" ;;
esac
call=${'$'}{call/@sha256:*/}
call=${'$'}{call//"$LANDFALL_ROOT/"/}
call=${'$'}{call//"$KILL_APP"/APP}
call=${'$'}{call//+([0-9])/#}
call=${'$'}{call/%.@(blue|green)/.SLOT}
call=${'$'}{call/#base#/base64}
[[ $call ]] || exec "$real" "$@"
line=$KILL_STEP$'\t'$call
printf '%s\n' "$line" >>"$KILL_LOG"
[[ $line == "$KILL_AT" && $(grep -cxF -- "$line" "$KILL_LOG") == "$KILL_TIME" ]] || exec "$real" "$@"
if [[ $KILL_WHEN == inside ]]; then
  case $name in
    cat | base64)
      "$real" "$@" >"$KILL_LOG.part"
      head -c $(($(stat -c %s "$KILL_LOG.part") / 2)) "$KILL_LOG.part"
      ;;
    openssl) "$real" "$@"; truncate -s $(($(stat -c %s "$last") / 2)) "$last" ;;
    rm) find "$last" -type f -print -quit | xargs -r /bin/rm ;;
    docker) "$real" "$@" <&0 & sleep "$KILL_DELAY" ;;
  esac
fi
if [[ ${'$'}{KILL_ENGINE:-} ]]; then
  "$KILL_ENGINE" "$KILL_HOW" </dev/null
  ! jobs -p | grep -q . || { wait -n; exit; }
  exec "$real" "$@"
fi
kill -KILL -- "-$KILL_GROUP"
exec "$real" "$@"
`

/** Tells the shims the group and the step. */
const instrument = (text: string): string =>
  text
    .replace(
      /^set -euo pipefail$/m,
      '$&\nread -r _ _ _ _ KILL_GROUP _ </proc/self/stat\nexport KILL_GROUP KILL_STEP=open',
    )
    .replace(/^begin\(\) \{$/m, '$&\n  KILL_STEP=$1\n  landfall-begin')

const toPoints = (log: string): readonly Point[] => {
  const times = new Map<string, number>()
  return log
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => {
      const time = (times.get(line) ?? 0) + 1
      times.set(line, time)
      const [step = '', call = ''] = line.split('\t')
      const before = { step, call, time, when: 'before' } as const
      return isDivisible(call) ? [before, { ...before, when: 'inside' } as const] : [before]
    })
}

export interface Killer {
  readonly edit: Edit
  /** The environment of a run that is noted, and at a point killed; `attempt` varies how far inside. */
  environment(at?: Point, attempt?: number): Readonly<Record<string, string>>
  /** The points of the run that was noted last. */
  points(): readonly Point[]
  close(): void
}

export const createKiller = (app: string): Killer => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-kills-'))
  const log = join(directory, 'log')
  writeFileSync(join(directory, 'shim'), shim)
  chmodSync(join(directory, 'shim'), 0o700)
  for (const program of programs) symlinkSync('shim', join(directory, program))
  return {
    edit: instrument,
    environment: (at, attempt = 0) => {
      writeFileSync(log, '')
      return {
        PATH: `${directory}:/usr/sbin:/usr/bin:/sbin:/bin`,
        KILL_LOG: log,
        KILL_APP: app,
        KILL_AT: at === undefined ? '' : `${at.step}\t${at.call}`,
        KILL_TIME: String(at?.time ?? 0),
        KILL_WHEN: at?.when ?? '',
        // The engine has been asked after some 30 ms, and works for up to 300 ms.
        KILL_DELAY: ['0.03', '0.06', '0.12'][attempt % 3] ?? '0.03',
      }
    },
    points: () => toPoints(readFileSync(log, 'utf8')),
    close: () => rmSync(directory, { recursive: true }),
  }
}
