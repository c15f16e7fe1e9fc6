import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runHost } from '../../support/run-host.ts'

// Functions of host/ with bash functions in the place of docker, iptables and nsenter.

const run = (parts: readonly string[], script: string): readonly string[] => {
  const root = mkdtempSync(join(tmpdir(), 'landfall-scripts-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const name of ['instance', 'scratch', 'one', 'two', 'two/releases/4'])
    mkdirSync(join(root, name), { recursive: true })
  const start = `root=$1 host=$1/instance scratch=$1/scratch state=$1/two app=two deadline=$(($(now) + 100))\ndefault_settings\n`
  return runHost(['order', ...parts], start + script, [root])
}

/** A chain in the file `chain`; `-D` fails while there is a file `stuck`. */
const iptables = String.raw`
iptables() {
  case $3 in
    --list-rules) cat "$root/chain" ;;
    -I) printf '%s\n' "-A DOCKER-USER ${'$'}{*:5}" >>"$root/chain" ;;
    -D) [[ ! -e $root/stuck ]] || return 1
      [[ ! -e $root/slow ]] || { guard_slot blue x >"$root/said" 2>&1 & sleep 0.3; }
      grep -vF -- "${'$'}{*:5}" "$root/chain" >"$root/next" || true; mv "$root/next" "$root/chain" ;;
  esac
  [[ $3 != --list-rules ]] || return 0
}
look() { echo "$(cut -d' ' -f4 "$root/chain" | sort | tr '\n' ' ')$(cat "$root"/*/blocked.*)"; }
echo 10.0.0.8 open >"$root/one/blocked.blue"
echo 10.0.0.10 - >"$root/two/blocked.blue"
: >"$root/chain"
iptables --wait 10 -I DOCKER-USER -s 10.0.0.8/32 -d 169.254.169.254/32 -j REJECT
`
const metadata = ['network', 'metadata']

test('a rule that cannot be deleted is tried again by the next command, and the rules of other apps are made', () => {
  const script = `: >"$root/stuck"; keep_from_metadata; look; rm "$root/stuck"; keep_from_metadata; look`
  expect(run(metadata, iptables + script)).toEqual([
    '10.0.0.10/32 10.0.0.8/32 10.0.0.8 open',
    '10.0.0.10 -',
    '10.0.0.10/32 10.0.0.10 -',
  ])
})

test('the rule of an address that is open now is deleted once iptables can be asked', () => {
  const script = `eval "$(declare -f read_rules | sed 's/^read_rules/read_them/')"
read_rules() { firewall=none; rules=''; return 1; }
keep_from_metadata; look
read_rules() { read_them; }
keep_from_metadata; look`
  expect(run(metadata, iptables + script)).toEqual([
    '10.0.0.8/32 10.0.0.8 open',
    '10.0.0.10 -',
    '10.0.0.10/32 10.0.0.10 -',
  ])
})

test('a rule that is ordered while another run deletes the one before is made', () => {
  const script = `state=$root/one metadata=block networks=() slot_address=([blue]=10.0.0.8)
: >"$root/slow"; keep_from_metadata; wait; look`
  expect(run(metadata, iptables + script)).toEqual([
    '10.0.0.10/32 10.0.0.8/32 10.0.0.8 -',
    '10.0.0.10 -',
  ])
})

test('the rule of a live release stays where its settings cannot be read', () => {
  const script = `exec 2>/dev/null
docker() { [[ $1 != inspect ]] || echo true; }
is_running() { return 0; }
engine_answers() { return 0; }
is_web() { return 1; }
slot_address=([blue]=10.0.0.10)
echo 4 blue x >"$state/live"; printf 'format=1\\0madeUp=1\\0' >"$state/releases/4/settings"
keep_from_metadata; make_live_true || true; look`
  const files = [...metadata, 'running', 'state', 'proxy', 'live', 'container', 'switch']
  expect(run(files, iptables + script)).toEqual(['10.0.0.10/32 10.0.0.10 -'])
})

test('what a killed run left stays known until a command could undo it, also when that command is repeated', () => {
  const script = `exec 3>/dev/null
fence=10 mode=deploy generation=6 locked=yes
docker() { return 1; }
timeout() { shift; "$@"; }
echo 5 green fresh x >"$state/run"
(inspect_host) || mkdir "$scratch"
(repeat_result) || mkdir "$scratch"
cat "$state/run"
settled=yes
keep_result failed 1 '{}'
ls "$state"`
  const files = ['running', 'state', 'network', 'metadata', 'proxy', 'live', 'inspect']
  expect(run(files, script)).toEqual(['5 green fresh x', 'releases', 'result'])
})

test.each([
  ['Docker does not answer', 'return 1', 'no'],
  ['its container is still there', 'echo exited', 'no'],
  ['nothing of it is there', ':', 'yes'],
])('an attempt is undone only where Docker says so: %s', (_, docker, undone) => {
  const script = `docker() { ${docker}; }
attempt=6 fresh=fresh live=5
is_undone && echo yes || echo no`
  expect(run(['running', 'state', 'live'], script)).toEqual([undone])
})

test('a container whose slot is taken by another release starts once that one has left', () => {
  const script = `docker() {
  case $1 in
    ps) [[ $(<"$root/up") != 5 ]] || echo landfall-two.5 ;;
    stop) echo none >"$root/up"; echo stop ;;
    start) [[ $(<"$root/up") != 5 ]] && echo start ;;
  esac
}
echo 5 >"$root/up"
leave_slot() { echo "leave $1"; }
live=4 live_slot=blue
start_in_slot landfall-two.6`
  const files = ['running', 'state', 'live', 'container']
  expect(run(files, script)).toEqual(['leave green', 'start'])
})

test('a container that is in no network is put into the one of its slot', () => {
  const script = `docker() {
  [[ $1 == network && $2 == connect ]] || return 1
  echo "$*"
}
slot_address=([blue]=10.0.0.8)
place_in_slot landfall-two.4 blue`
  expect(run(['network', 'container'], script)).toEqual([
    'network connect --ip 10.0.0.8 landfall landfall-two.4',
  ])
})

test('of an answer with NUL bytes no line that is cut is told', () => {
  const script = String.raw`is_web() { return 0; }
port=80
nsenter() { printf 'HTTP/1.1 503 no\r\n\r\n'; head -c 9000 /dev/zero; head -c 99000 /dev/zero | tr '\0' p; }
ask_health 1 10.0.0.8 x || echo "$answer_code [$answer_line]"`
  expect(run(['health'], script)).toEqual(['503 []'])
})

test.each([
  ['nothing else runs', '', 'fresh blue-green', ''],
  ['another release is left', '5', 'fresh blue-green', 'leave green, stop 5'],
  ['a kept one is ordered and another is left', '5', 'kept blue-green', 'leave green, stop 5'],
  ['the one that is ordered is left', '6', 'kept blue-green', ''],
  ['its number is ordered anew', '6', 'fresh blue-green', 'leave green, stop 6'],
  ['it has to move', '6', 'kept recreate', 'leave green, stop 6'],
  ['a predeploy is left', '5-predeploy', 'fresh worker', 'leave green, stop 5-predeploy'],
])('before a slot is used it is freed: %s', (_, left, order, does) => {
  const script = `docker() {
  case $1 in
    ps) printf 'landfall-two.%s\\n' 7 ${left} ;;
    stop) did+=("stop \${4#landfall-two.}") ;;
  esac
}
did=() live=7 live_slot=blue generation=6 slot=green
read -r fresh strategy <<<'${order}'
leave_slot() { did+=("leave $1"); }
free_slot
IFS=,; echo "\${did[*]}"`
  const files = ['running', 'state', 'live', 'container']
  expect(run(files, script)).toEqual([does.replace(', ', ',')])
})

test('the disk that is looked at is that of the images, which containerd keeps in its own directory', () => {
  const script = `look() { directory=/docker; find_images "$@"; printf '%s\\n' "$directory"; }
look overlay2 "$root/one"; look overlayfs "$root/nowhere"; look overlayfs "$root/one"`
  const [older, without, newer] = run(['running'], script)
  expect([older, without]).toEqual(['/docker', '/docker'])
  expect(newer).toMatch(/\/one$/)
})

const fsOf = (
  free: number,
  inodes: string,
) => `df() { printf 'Avail Inodes IFree\\n%s %s\\n' ${free} '${inodes}'; }
has_image() { return 1; }
docker() { :; }
disk_obstacle /d; echo`

test.each([
  [
    'little room',
    ['inspect'],
    fsOf(100, '9000000 8000000'),
    'only 100 MB are free in /d, 512 are needed',
  ],
  [
    'no inodes',
    ['inspect'],
    fsOf(9000, '9000000 12'),
    'only 12 inodes are free in /d, 10000 are needed: too many small files',
  ],
  ['a file system without a number of inodes', ['inspect'], fsOf(9000, '0 0'), ''],
  ['one that does not tell it', ['inspect'], fsOf(9000, '- -'), ''],
  [
    'podman',
    ['tools'],
    `docker() { echo podman version 4.3.1; }; engine_obstacle; echo`,
    'the program docker is Podman here, which does not do all that Landfall asks of Docker; install the Docker Engine',
  ],
  [
    'a log driver that cannot be read',
    ['running', 'health'],
    `await_health() { why_reason=exited why='the container exited with code 3'; return 1; }
docker() {
  case $1 in
    inspect) echo syslog ;;
    logs) echo 'Error response from daemon: configured logging driver does not support reading' >&2; return 1 ;;
  esac
}
timeout() { shift; "$@"; }
fail() { echo "$2"; exit; }
slot=blue; check_new`,
    'the container exited with code 3: its output cannot be read: the log driver is syslog',
  ],
])('of an instance it is told: %s', (_, files, script, said) => {
  expect(run(files, script)).toEqual([said])
})

test.each([
  [
    'the line with which docker start ends',
    ['Error response from daemon: Address already in use', 'failed to start containers: x'],
    'Error response from daemon: Address already in use',
  ],
  [
    'the same line of an older docker',
    ['Error response from daemon: no such device', 'Error: failed to start containers: x'],
    'Error response from daemon: no such device',
  ],
  [
    'the advice of docker run',
    ['docker: invalid reference format', '', "See 'docker run --help'."],
    'docker: invalid reference format',
  ],
  [
    'a warning',
    ['Error response from daemon: cause', 'WARNING: Error loading config file'],
    'Error response from daemon: cause',
  ],
])('the cause is told, not %s', (_, lines, told) => {
  const all = lines.map((line) => `'${line.replaceAll("'", String.raw`'\''`)}'`).join(' ')
  expect(run([], `tail_lines=(${all}); telling_line; echo`)).toEqual([told])
})

test('of a long cause the end is told too', () => {
  const script = `tail_lines=("Error response from daemon: $(printf '%0300d' 0) No chain by that name")
telling_line; echo`
  const [line = ''] = run([], script)
  expect(line).toMatch(/^Error response .* \.\.\. 0+ No chain by that name$/)
  expect(line.length).toBeLessThanOrEqual(240)
})

test.each([
  ['it is gone', 'return 1', '', '6'],
  ['it cannot be removed', 'return 1', 'echo 0c0ffee', '4 6'],
  ['Docker does not answer', 'return 1', 'return 1', '4 6'],
])('a release is forgotten with its container only: %s', (_, rm, ps, left) => {
  const script = `exec 2>/dev/null
mkdir -p "$state/releases/6"
docker() {
  case $1 in
    rm) ${rm} ;;
    ps) ${ps || ':'} ;;
  esac
}
live=6 before=5 keep=1
prune
ls "$state/releases" | xargs`
  expect(run(['running', 'state', 'live', 'switch'], script)).toEqual([left])
})

test('an undo in the trap of an unchecked failure is known to be done', () => {
  const script = `engine_answers() { return 0; }
attempt=6 live=6 proxy=x
docker() { return 0; }
trap 'is_undone && create_proxy && echo done' EXIT
false`
  expect(run(['running', 'state', 'proxy', 'live'], `(${script}) || true`)).toEqual(['done'])
})

test.each([
  ['a part of the VPC', '', '172.30.0.0/16 dev tun0 scope link', '172.30.0.0/16'],
  ['an address in it', '172.30.77.9 dev eth1', '', '172.30.77.9'],
  ['the default route', '', 'default via 10.0.0.1 dev eth0', ''],
  ['both halves of all addresses', '', '128.0.0.0/1 dev tun0', ''],
  ['no route', '', '', ''],
])('a network is made where its subnet hides nothing: %s', (_, inside, around, told) => {
  const script = `docker() { [[ $2 != inspect ]] || return 1; echo "$1 $2"; }
ip() { [[ $5 != root ]] || echo '${inside}'; [[ $5 != match ]] || echo '${around}'; }
try() { shift 2; "$@"; }
fail() { echo "$1 $2"; exit; }
(ensure_network) || true`
  const hidden = `start_failed the subnet 172.30.77.0/24 (the setting is subnet) would hide addresses of the route ${told}`
  expect(run(['network'], script)).toEqual([told === '' ? 'network create' : hidden])
})
