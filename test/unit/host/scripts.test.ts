import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

test('a host without iptables says so', () => {
  const script = `command() { [[ $2 != iptables ]]; }
read_rules || echo "$firewall"`
  expect(run(metadata, script)).toEqual(['iptables is not installed'])
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

/** Judges an answer of the app to the look at `/healthz?full=1`; the last line says why it does not count. */
const judge = (answer: string, settings = '') => {
  const script = String.raw`port=80 health_path='/healthz?full=1' health_scheme=http asked=$scratch/asked
${settings}
nsenter() { printf '%s\n' "$@" >"$asked"; printf '${answer}'; }
if ask_health 1 10.0.0.8 x; then echo counts; else why_unhealthy 9; echo "$why"; fi
grep Forwarded "$asked" || echo -`
  return run(['health'], script)
}
const toLogin = String.raw`HTTP/1.1 302 Found\r\nLocation: /login/?next=/\r\n\r\n`
const toTls = String.raw`HTTP/1.1 301 Moved\r\nlocation:  https://shop.example/healthz?full=1\r\n\r\n`
const wide = 'health_from=200 health_to=399'
const never = 'a redirect to the same path never counts'
const behindTls = `${never}: if TLS ends in front of the app, set health.scheme: https`
const cached = 'an answer with Age or X-Cache comes from a cache and does not count'
const answered = (...head: readonly string[]): string =>
  ['HTTP/1.1 200 OK', ...head, '', '{"database": "down"}'].join(String.raw`\r\n`)

test.each([
  ['a login page', toLogin, '', 'redirects are not followed: is there a path that needs no login?'],
  ['a login page where expect covers it', toLogin, wide, 'counts'],
  ['the same path over TLS', toTls, '', behindTls],
  ['the same path over TLS where expect covers it', toTls, wide, behindTls],
  ['the same path, though it was told TLS', toTls, 'health_scheme=https', `${never}: does the app`],
  ['the same path of another host', toTls.replace('https:', ''), wide, behindTls],
  ['the root where it was asked', toTls.replace('/healthz', ''), 'health_path=/', behindTls],
  ['the root', toTls.replace('/healthz', ''), wide, 'counts'],
  ['the same path with another query', toTls.replace(/https.*1/, '?next=1'), wide, behindTls],
  ['nowhere', toTls.replace(/https.*1/, ''), wide, 'counts'],
  ['the same path, by a release of old', toTls, `${wide} health_scheme=`, 'counts'],
])(
  'a health answer that redirects to %s counts, or the message says why not',
  (_, answer, settings, said) => {
    expect(judge(answer, settings)[0]).toContain(said)
  },
)

test.each([
  ['Age', answered('age: 0'), '', cached],
  ['a hit', answered('X-Cache: Hit from cloudfront'), '', cached],
  ['a hit behind a miss', answered('X-Cache: MISS, HIT'), '', cached],
  ['a word of its own', answered('X-Cache: stale'), '', cached],
  ['a miss', answered('X-Cache: TCP_MISS from proxy'), '', 'counts'],
  ['a header that only begins so', answered('Agent: 7', 'X-Cached: 7'), '', 'counts'],
  ['Age in an early hint', `HTTP/1.1 103 Hints\\r\\nAge: 1\\r\\n\\r\\n${answered()}`, '', 'counts'],
  ['Age, by a release of old', answered('Age: 7'), 'health_scheme=', 'counts'],
  ['the status 500', String.raw`HTTP/1.1 500 Oops\r\n\r\n`, wide, 'the last answer was 500'],
])('a health answer with %s counts, or the message says why not', (_, answer, settings, said) => {
  expect(judge(answer, settings)[0]).toContain(said)
})

const lacks = 'the last answer was 200 {"database": "down"}; it does not contain the text of'
test.each([
  ['"database": "ok"', answered(), lacks],
  ['"database": "down"', answered(), 'counts'],
  ['HTTP/1.1 200', answered(), lacks],
  ['two*', answered().replace('down', 'two\\ntwo**'), 'counts'],
  ['t*o', answered().replace('down', 'two'), 'it does not contain'],
  ['end', `${answered()}\\n${'x'.repeat(70_000)}`.replace('xxx', 'end'), 'counts'],
])('the text %j is looked for in the body as it stands', (text, answer, said) => {
  expect(judge(answer, `health_contains='${text}'`)[0]).toContain(said)
})

test('the look says what the proxy in front would, and nothing for a release of old', () => {
  expect(judge(answered())).toEqual(['counts', 'X-Forwarded-Proto: http'])
  expect(judge(answered(), 'health_scheme=https')).toEqual(['counts', 'X-Forwarded-Proto: https'])
  expect(judge(answered(), 'health_scheme=')).toEqual(['counts', '-'])
})

test.each([
  ['closes each connection', 'socket.destroy()', 'is closed without an answer'],
  ['speaks another protocol', `socket.write('SSH-2.0-x\\r\\n')`, 'is not HTTP'],
])('an app that %s is reported as that', (_, answer, said) => {
  const server = `const server = require('net').createServer((socket) => {
  socket.on('error', () => {})
  ${answer}
}).listen(0, '127.0.0.1', () => console.log(server.address().port))`
  const script = `nsenter() { "\${@:2}"; }
exec 4< <(exec '${process.execPath}' -e "${server}")
app_pid=$!
read -r port <&4
ask_health 1 127.0.0.1 x || why_unhealthy 9 1 127.0.0.1
kill "$app_pid"
echo "\${why//$port/PORT}"`
  const [why = ''] = run(['health'], script)
  expect(why).toMatch(/\bport PORT\b/)
  expect(why).toContain(said)
})

test('a secret in the address of a redirect is masked before it is cut', () => {
  const address = `/login/${'a'.repeat(100)}planted-secret-value`
  const [said = ''] = judge(toLogin.replace('/login/', address), 'masks=(planted-secret-value)')
  expect(said).toContain('aaa[masked]')
  expect(said).not.toContain('planted')
})

test.each([
  ['exec "$@"', 'runs'],
  ['exec "${@}"', 'runs'],
  ['exec $0 $*', 'runs'],
  ['exec node app.js', 'ignores predeploy'],
  ['exec node ${APP}@1', 'ignores predeploy'],
])('predeploy runs only after an ENTRYPOINT that uses its arguments: %s', (line, said) => {
  const script = `docker() { echo '${JSON.stringify(['/bin/sh', '-c', line])}'; }
with_values() { echo runs >>"$root/did"; }
run_options() { options=(); }
fail() { echo "$2" | grep -o 'ignores predeploy'; exit; }
predeploy=(migrate) generation=5 digest=x slot=blue
run_predeploy; cat "$root/did"`
  expect(run(['running', 'state', 'container'], script)).toEqual([said])
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
])('a problem of the instance is reported: %s', (_, files, script, said) => {
  expect(run(files, script)).toEqual([said])
})

const roomy = '9000000 9000000 8000000'
test.each([
  ['the engine is away', 'exited', roomy, 'away', 'docker_unavailable: Docker does not answer: x'],
  ['it is away before the run', 'secret_missing', roomy, 'away', 'docker_unavailable: Docker does'],
  ['it was restarted', 'unhealthy', roomy, '100', 'docker_unavailable: Docker was restarted'],
  ['it started before the run', 'unhealthy', roomy, '99', 'unhealthy: x'],
  ['it is away and the reason is sure', 'out_of_memory', roomy, 'away', 'out_of_memory: x'],
  ['the disk is full', 'busy', '63 9000000 8000000', '99', 'disk_full: the disk is full: x'],
  [
    'the inodes are used up',
    'pull_failed',
    '9000000 9000000 8',
    '99',
    'disk_full: the disk is full',
  ],
  ['there is no number of inodes', 'pull_failed', '9000000 0 0', '99', 'pull_failed: x'],
  ['the disk is full, but the app failed', 'unhealthy', '0 0 0', '99', 'unhealthy: x'],
])('a failed step gets the reason of its cause: %s', (_, reason, disk, engine, told) => {
  const script = `df() { echo Avail Inodes IFree; echo ${disk}; }
engine_answers() { [[ ${engine} != away ]]; }
docker() { echo ${engine}; }
reason=${reason} message=x began=100
blame_others; echo "$reason: $message"`
  expect(run([], script)[0]).toContain(told)
})

test('a failed step whose message names a full disk gets that as its reason', () => {
  const script = `df() { return 1; }
reason=start_failed message='write /x: No space left on device' began=100
blame_others; echo "$reason"`
  expect(run([], script)).toEqual(['disk_full'])
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
])('the message is the line with the cause, not %s', (_, lines, told) => {
  const all = lines.map((line) => `'${line.replaceAll("'", String.raw`'\''`)}'`).join(' ')
  expect(run([], `tail_lines=(${all}); telling_line; echo`)).toEqual([told])
})

test('the end of a long error line is in the message', () => {
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

test.each([
  ['nothing is open', 0, '5', 'route green waits, drain blue 5, stop 7', ''],
  [
    'requests are open',
    2,
    '5',
    'route green waits, drain blue 5, cut, stop 7',
    '; open requests cut after 5 s (drain): 2',
  ],
  ['a release from before drain is ordered', 0, '', 'route green waits, drain blue 30, stop 7', ''],
])('before a recreate all others wait for what is open, within drain: %s', (_, ...given) => {
  const [open, drain, does, told] = given
  const script = `does() { printf '%s,' "$*" >>"$root/did"; }
route() { does "route $1 \${2/$waiting_room/waits}"; }
find_proxy() { return 0; }
drain_slot() { does "drain $1 $2"; }
in_flight() { echo ${open}; }
worker_pids() { echo 12; }
cli() { [[ $* != '@!12 shutdown sessions server app-two/blue @!12 shutdown sessions server app-two.kept/blue' ]] || does cut; }
docker() { does "stop \${4#landfall-two.}"; }
live=7 live_slot=blue slot=blue stop_timeout=30 drain_limit=${drain} notafter=9999999999
proxy_dir=$root slot_address=([blue]=10.0.0.10)
stop_old
echo "$(<"$root/did")$told"`
  const files = [
    'running',
    'state',
    'network',
    'proxy-config',
    'proxy',
    'live',
    'switch',
    'container',
  ]
  expect(run(files, script)).toEqual([`${does.replaceAll(', ', ',')},${told}`])
})

test.each([
  ['', 'read'],
  [`proxyImage=haproxy@sha256:${'0'.repeat(64)}`, 'read'],
  ['proxyImage=haproxy:3.2', 'port, publishPort or the digest of proxyImage is missing'],
])('the way back needs no image of the proxy, and takes none by its tag: %j', (image, said) => {
  const script = `read_common_parameters() { :; }
read_parameter() { :; }
refuse() { echo "$2"; exit; }
mode=restore generation=0
settings=$(printf '%s\\0' format=1 strategy=blue-green port=8000 publishPort=80 ${image} | base64 --wrap 0)
read_order
echo read`
  expect(run(['proxy'], script)).toEqual([said])
})

test.each([
  ['without a name', ':0', 'no'],
  ['with a number', 'on-failure:5', 'on-failure:5'],
  ['with none', 'always:0', 'always'],
])('a container that was taken over gets back its restart policy: %s', (_, policy, given) => {
  const script = `expect_no_loss() { :; }
stop_container() { :; }
is_running() { return 1; }
docker() {
  case $1 in
    inspect) echo ${policy} ;;
    update | start) echo "$*" >>"$root/did" ;;
  esac
}
replaces=lettings stop_timeout=30
take_over
give_back
cat "$root/did"`
  const files = ['running', 'state', 'proxy', 'live', 'switch']
  expect(run(files, script)).toEqual([
    'update --restart no lettings',
    `update --restart ${given} lettings`,
    'start lettings',
  ])
})

test.each([
  ['', 'landfall-proxy-80'],
  ['', 'landfall-proxy-80-next'],
  ['127.0.0.1:80', 'landfall-proxy-127.0.0.1-80'],
])('port_in_use suggests publish: %j where %s has the port', (told, taker) => {
  const script = `find_proxy() { return 0; }
rival_app() { :; }
port_takers() { echo ${taker}; }
publish_port=80; use_proxy 80
port_obstacle | sed 's/.*publish: \\([^ ]*\\) .*/\\1/'; echo`
  expect(run(['proxy', 'inspect'], script)).toEqual([told])
})

/** A container that was taken over, while nothing of ours is live any more. */
const givingBack = `docker() { [[ -e $root/up ]] && case $1 in start) echo "start $2" ;; esac; }
engine_answers() { [[ -e $root/up ]]; }
is_running() { return 1; }
retire_others() { return 0; }
leave_other_proxies() { :; }
echo 'lettings always 5' >"$state/replaced"
`
const undoing = ['running', 'state', 'proxy', 'live', 'inspect', 'switch']

test('the live state is not restored while a container that was taken over is not given back', () => {
  const script = `${givingBack}live_is_true || echo owed
touch "$root/up"
make_live_true >"$root/did"
live_is_true && echo paid`
  expect(run(undoing, script)).toEqual(['owed', 'paid'])
})

test.each([
  ['it exists', 'echo 0c0ffee', 'owed'],
  ['it was removed', ':', 'forgotten'],
])(
  'a container that was taken over is forgotten only if Docker lists it no more: %s',
  (_, ps, is) => {
    // The engine is away for the first commands and answers the later ones.
    const script = `docker() { [[ $1 == ps ]] && ${ps}; }
engine_answers() { return 0; }
echo 'lettings always 5' >"$state/replaced"
give_back || true
[[ -e $state/replaced ]] && echo owed || echo forgotten`
    expect(run(undoing, script)).toEqual([is])
  },
)

test('an engine that is restarted while nothing of ours is restored gives back the container then', () => {
  const deploy = readFileSync('host/deploy.sh', 'utf8').replace(/\nmain\n$/, '\n')
  const script = `${deploy}${givingBack}exec 3>&1 >"$scratch/log"
firewall='' began=$(now) mode=restore generation=0 settled=yes undo=take_back notafter=9999999999
echo '4 blue x' >"$state/live"
# It comes back after the first of the two tries.
eval "$(declare -f make_live_true | sed 's/^make_live_true/once/')"
make_live_true() { once && return 0; touch "$root/up"; return 1; }
use_reserve() { deadline=$(($(now) + 1)); }
# Not in a condition, where no failure would end it.
set +e
(set -e; trap on_exit EXIT; restore_nothing)
[[ -e $state/replaced ]] && echo owed >&3 || echo given >&3`
  const [line = '', ...rest] = run(undoing, script)
  expect(line).toMatch(
    /"outcome":"succeeded","reason":"restored","message":"nothing of ours is live; cleaned up after: /,
  )
  expect(rest).toEqual(['given'])
})

/** What a container to take over has by this fact, and the new one with these settings does not get. */
const lossesOf = (fact: string, settings: string): readonly string[] => {
  const script = `is_gone() { return 1; }
facts_of() { echo '${fact}'; }
replaces=lettings
${settings}
list_losses`
  return run(['running', 'network', 'losses'], script)
}

test.each([
  ['of a new one', 'MII', '', 'env DEBUG'],
  ['of a new one that has it', 'MII', 'DEBUG', ''],
  ['of a kept one, which has its own', '-', '', ''],
  ['of a look', '', '', ''],
  ['of a look that is told the names', '', 'PORT', 'env DEBUG'],
])('the variables are compared with those %s', (_, envelope, names, lost) => {
  const settings = `envelope=${envelope} env_names=(${names})`
  expect(lossesOf('env "DEBUG=planted"', settings)).toEqual(lost === '' ? [] : [lost])
})

test.each([
  ['host db=10.0.0.5', 'extra_hosts=(db:10.0.0.5)', ''],
  ['host db=10.0.0.5', '', 'host db:10.0.0.5'],
  ['volume customers:/data', 'volumes=(customers:/data/)', ''],
  ['volume /srv:/data', 'volumes=(/srv/:/data:ro)', ''],
  ['volume /srv:/data', 'volumes=(/srv:/other)', 'volume /srv:/data'],
  ['port 0.0.0.0|80|8000/tcp', 'publish_port=80', ''],
  ['port ::|80|8000/tcp', 'publish_port=80 publish_address=0.0.0.0', ''],
  ['port 0.0.0.0|80|8000/udp', 'publish_port=80', 'port 80/udp'],
  ['port 0.0.0.0|80|8000/tcp', 'publish_port=80 publish_address=127.0.0.1', 'port 80/tcp'],
  ['port 127.0.0.1|80|8000/tcp', 'publish_port=80 publish_address=127.0.0.1', ''],
  ['port 127.0.0.1|443|8443/tcp', 'publish_port=80', 'port 127.0.0.1:443/tcp'],
  ['port ||8000/tcp', 'publish_port=80', ''],
  ['memory 1', 'memory=512m', ''],
  ['capability CAP_NET_ADMIN', 'capabilities=(NET_ADMIN)', ''],
  ['rm', "without=('volume')", 'rm'],
  ['volume /srv:/data', "without=('volume')", ''],
  ['volume /srv:/data', "without=('volume /srv:/data')", ''],
])(
  'taking over a container that has "%s" with the settings %j loses %j',
  (fact, settings, lost) => {
    expect(lossesOf(fact, settings)).toEqual(lost === '' ? [] : [lost])
  },
)

test.each([
  ['whose requests end in time, as long as it needs', 0, '', 30, 30],
  ['that still answers when its time is over, 5 s more', 1, '', 30, 5],
  ['that still answers, less where it has less', 1, '', 2, 2],
  ['that is cut for a recreate, as long as it needs', 1, '0', 30, 30],
])('the stop gives a container %s', (_, open, limit, stopTimeout, seconds) => {
  const script = `find_proxy() { return 0; }
in_flight() { echo ${open}; }
is_superseded() { return 1; }
docker() { echo "$*"; }
at=0 deadline=1000 stop_timeout=${stopTimeout}
now() { echo "$at"; }
sleep() { at=$((at + 1)); }
proxy_dir=$root slot_address=([blue]=10.0.0.10)
drain_slot blue ${limit}
stop_container old`
  expect(run(['state', 'proxy', 'network', 'switch'], script)).toEqual([`stop -t ${seconds} old`])
})

test('a worker from before a reload is told each request that it has to cut, and none of another slot or app', () => {
  // As HAProxy 2.6 and 3.2 answer.
  const script = `find_proxy() { return 0; }
in_flight() { echo 1; }
worker_pids() { printf '%s\\n' 12 11; }
cli() {
  case $* in
    '@!11 shutdown sessions server '*) echo 'Proxy is disabled.' ;;
    '@!11 show sess')
      echo '0xa1: proto=tcpv4 src=10.0.0.1:4 fe=public be=app-two srv=blue ts=00 epoch=0 age=3s'
      echo '0xa2: proto=tcpv4 src=10.0.0.1:5 fe=public be=app-two srv=green ts=00 epoch=0 age=3s'
      echo '0xa3: proto=tcpv4 src=10.0.0.1:6 fe=public be=app-twofold srv=blue ts=00 epoch=0 age=3s'
      echo '0xa4: proto=tcpv4 src=10.0.0.1:7 fe=public be=app-two.kept srv=blue ts=00 epoch=0 age=3s'
      ;;
    *) printf '%s\\n' "$@" >>"$root/did" ;;
  esac
}
proxy_dir=$root slot_address=([blue]=10.0.0.10)
cut_slot blue
cat "$root/did"; echo "$told"`
  expect(run(['proxy', 'network', 'switch'], script)).toEqual([
    '@!12 shutdown sessions server app-two/blue',
    '@!12 shutdown sessions server app-two.kept/blue',
    '@!11 shutdown session 0xa1',
    '@!11 shutdown session 0xa4',
    '; open requests cut after 30 s (drain): 1',
  ])
})

test.each([
  ['that refuses is soon asked again, for two seconds', '7', '000', '0.05 0.05 0.05 0.2 0.2'],
  ['that closes the connection, five times a second', '52', '000', '0.2 0.2 0.2 0.2 0.2'],
  ['that answers 500, once an interval', '0', '500', '0.9 0.9 0.9 0.9 0.9'],
])('a container %s', (_, exit, code, pauses) => {
  const script = `docker() { echo "running $$ 0 0"; }
ask_health() { answer_exit=${exit} answer_code=${code}; return 1; }
why_unhealthy() { :; }
clock=0 said='' deadline=100 health_interval=0.9 health_timeout=5 slot_address=([blue]=10.0.0.10)
now() { echo "$clock"; }
timeout() { shift; "$@"; }
sleep() { said+=" $1"; clock=$((clock + 1)); }
await_health old blue || echo "$why_reason$said"`
  expect(run(['running', 'state', 'network', 'health'], script)).toEqual([`unhealthy ${pauses}`])
})

test('a bash before 5 has the same clock', () => {
  const script = `both() { a=$(date +%s%3N) b=$(now_ms) c=$(date +%s%3N); ((a <= b && b <= c)) && echo "\${#b}"; }
both; unset EPOCHREALTIME; both
a=$(date +%s) b=$(now) c=$(date +%s); ((a <= b && b <= c)) && echo "\${#b}"`
  expect(run([], script)).toEqual(['13', '13', '10'])
})

test('files that Docker does not list in time count as a loss', () => {
  const script = `timeout() { [[ $3 != diff ]] && "\${@:2}"; }
docker() { [[ $1 != inspect ]] || printf '%s\\n' sha256:1 'memory 0'; }
facts_of lettings`
  expect(run(['losses'], script)).toEqual(['memory 0', 'file unknown'])
})

test('an image that has the name of the container to take over is not taken for it', () => {
  const script = `docker() { [[ $1 == ps || ($1 == inspect && $* != *container* && $* != *HostConfig*) ]]; }
replaces=lettings
list_losses && echo nothing lost
exists lettings || echo no container`
  const files = ['running', 'network', 'losses']
  expect(run(files, script)).toEqual(['nothing lost', 'no container'])
})

test.each([
  ['lists it', 'echo 0c0ffee', 'unknown'],
  ['does not answer', 'return 1', 'unknown'],
  ['lists it no more', ':', 'no losses'],
])(
  'a container that cannot be inspected loses nothing only if it is gone: Docker %s',
  (_, ps, said) => {
    const script = `docker() {
  [[ $* != *'name=^my\\.shop$'* ]] || { ${ps}; return; }
  return 1
}
facts_of() { return 1; }
replaces=my.shop
list_losses && echo no losses || echo unknown`
    expect(run(['running', 'network', 'losses'], script)).toEqual([said])
  },
)

test.each([
  ['the container itself', 'landfall-two.1', 'out_of_memory'],
  ['one whose name only begins so', 'landfall-two.12', 'other'],
])('a kill for want of memory is told of %s only where it was its own', (_, killed, told) => {
  const script = `timeout() { "\${@:2}"; }
docker() { [[ $* == *Attributes.name* ]] && echo ${killed} || echo x; }
fail() { echo "$1"; exit; }
fail_for_memory landfall-two.1 'code 1'
echo other`
  expect(run(['health'], script)).toEqual([told])
})

test('a container is removed only where it has the name of the one that is to be made', () => {
  const script = `docker() {
  echo "$*" >>"$root/asked"
  case $1 in
    create) [[ ! -e $root/taken && $4 != broken ]] || return 1; : >"$root/taken" ;;
    inspect) [[ -e $root/taken ]] ;;
    rm) rm "$root/taken" ;;
  esac
}
with_values() { "$@"; }
exists() { docker inspect "$1"; }
create_container --name landfall-two.5 image; create_container --name landfall-two.5 image
rm "$root/taken"; create_container --name landfall-two.5 broken || echo failed >>"$root/asked"; cat "$root/asked"`
  const create = 'create --name landfall-two.5 image'
  const [inspect, remove] = ['inspect landfall-two.5', 'rm --force landfall-two.5']
  const broken = 'create --name landfall-two.5 broken'
  expect(run(['container'], script)).toEqual([
    create,
    create,
    inspect,
    remove,
    create,
    broken,
    inspect,
    'failed',
  ])
})

// Docker prints an empty line for what it does not find.
test('the network is made where Docker has none, and keeps its subnet where it has one', () => {
  const script = `subnet=10.213.0.0/24
docker() {
  case $2 in
    create) : >"$root/made" ;;
    inspect) [[ -e $root/made ]] && echo 10.9.0.0/24 10.9.0.1 || { echo; return 1; } ;;
  esac
}
subnet_obstacle() { :; }
try() { echo made; "\${@:3}"; }
ensure_network; echo "$subnet $gateway"; ensure_network; echo "$subnet $gateway"`
  const found = '10.9.0.0/24 10.9.0.1'
  expect(run(['network'], script)).toEqual(['made', found, found])
})

// docs/reasons.md has a person remove the file `owner` where the other stage is gone for good.
test('an app whose owner was removed gets the one that deploys next, and writes nothing where all is right', () => {
  const script = `owner=000000000000/eu-west-3/new here=i-0123456789abcdef0
write_file() { echo "\${1##*/}"; cat >"$1"; }
adopt_state; echo again; adopt_state; rm "$state/owner"; adopt_state; cat "$state/owner"
here=i-0fedcba9876543210; echo 1 >"$state/result"; adopt_state; ls "$state"`
  const all = ['instance', 'owner', 'format']
  expect(run(['state'], script)).toEqual([
    ...all,
    'again',
    ...all,
    '000000000000/eu-west-3/new',
    ...all,
    'format',
    'instance',
    'owner',
    'releases',
  ])
})

/** As Go writes a text in JSON, the agent's language: `<` takes six bytes. */
const toGoJson = (text: string): string =>
  JSON.stringify(text).replaceAll(
    /[<>&\u2028\u2029]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const cut = (text: string, bytes: number): string => Buffer.from(text).subarray(0, bytes).toString()

// Of a longer reply the agent drops all: the command would never end.
test.each(['<', '"', '\u2028', '\u0001'])(
  'the longest failing answer, of %j alone, fits into the 120,000 bytes of the reply of an agent',
  (character) => {
    const tail = `${character.repeat(299)}\n`.repeat(80)
    const root = mkdtempSync(join(tmpdir(), 'landfall-reply-'))
    onTestFinished(() => rmSync(root, { recursive: true }))
    writeFileSync(join(root, 'tail'), tail)
    const script = `serving() { printf '{"generation":1,"digest":"sha256:%064d"}' 0; }; keep_result() { :; }
scratch=$1/scratch; mkdir "$scratch"; exec 3>&1
for name in pull configure create predeploy start check switch drain stop; do begin "$name"; end succeeded; done
keep_tail "$(cat "$1/tail")"; (finish failed unhealthy "$(head -c 2000 "$1/tail")") || true`
    const stdout = `${runHost(['order', 'envelope'], script, [root]).join('\n')}\n`
    const stderr = 'failed to run commands: exit status 1'
    const output = `${cut(stdout, 2500)}\n----------ERROR-------\n${stderr}`
    const reply = [cut(stdout, 24_000), stderr, output].map(toGoJson).join('')
    // Ids, times and states around them.
    expect(Buffer.byteLength(reply)).toBeLessThan(120_000 - 4000)
  },
)

/** `show servers conn` of two workers, as HAProxy 2.6 and 3.2 answer. */
const connections = `# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[2]
app-two/blue 4/1 10.0.0.10 8000 - 500 1 3 3 0 0 -1 0 0 0
app-two/green 4/2 10.0.0.11 8000 - 500 0 1 0 0 0 -1 0 0 0
app-two.kept/blue 5/1 10.0.0.10 8000 - 500 2 9 9 0 7 -1 7 4 3
app-two.kept/green 5/2 127.0.0.1 1 - 500 4 4 4 0 0 -1 0 0 0

# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[2]
app-two/blue 4/1 10.0.0.10 8000 - 500 3 3 3 0 0 -1 0 0 0
app-one/blue 3/1 10.0.0.8 8000 - 500 8 8 8 0 0 -1 0 0 0
`
test.each([
  ['a slot of two workers, without the connections that no request uses', '10.0.0.10', '6'],
  ['a slot that answers nothing', '10.0.0.11', '0'],
  ['all slots, without what waits', '10.0.0..*', '14'],
])('counts the requests that are open: %s', (_, address, count) => {
  const script = `worker_pids() { printf '%s\\n' 12 11; }
cli() { [[ $* == '@!12 show servers conn @!11 show servers conn' ]] && echo '${connections}'; }
in_flight '${address}'`
  expect(run(['proxy'], `${script}\necho`)).toEqual([count])
})

test('an answer of the proxy that is no number is not evaluated', () => {
  const script = `worker_pids() { echo 12; }
cli() { echo 'app-two/blue 4/1 10.0.0.10 8000 - 500 x[$(>"$root/ran")] 3 3'; }
in_flight 10.0.0.10; echo; [[ ! -e $root/ran ]] || echo ran`
  expect(run(['proxy'], script)).toEqual(['1'])
})

test('a proxy that does not tell what is open may answer a request while it runs', () => {
  const script = `worker_pids() { :; }\ncli() { return 1; }
proxy_pid=$$; in_flight 10.0.0.10; echo; proxy_pid=0; in_flight 10.0.0.10; echo`
  expect(run(['proxy'], script)).toEqual(['1', '0'])
})

test('the files of apps that an earlier Landfall wrote keep what they say, and get connections that are kept', () => {
  const before = `# hosts=a.example.com,b.example.com hold=20 drain=12
backend app-old
  retries 80
  http-request set-log-level silent if { be_sess_rate gt 100 } !{ rand(10) eq 0 }
  server blue 127.0.0.1:1 disabled
  server green 10.0.0.9:8000
`
  const script = `gateway=10.0.0.1 subnet=10.0.0.0/24 hosts=(mine) trusted=(192.0.2.0/24) hold=7 stop_timeout=9
proxy_dir=$root/proxy proxy_publish=80:8080
mkdir -p "$proxy_dir/apps"
printf '%s' '${before}' >"$proxy_dir/apps/old.cfg"
backend_config blue 10.0.0.10:80 >"$proxy_dir/apps/two.cfg"
cp "$proxy_dir/apps/two.cfg" "$root/two.cfg"
write_shared_config && write_shared_config || echo written once
cmp "$proxy_dir/apps/two.cfg" "$root/two.cfg"
grep -E '^#|^backend|server' "$proxy_dir/apps/old.cfg"
echo "$(grep -c . "$proxy_dir/hosts.map") $(stat -c %a "$proxy_dir/apps/old.cfg") $hold $app"`
  const slots = (backend: string, ...more: string[]): string[] => [
    `backend ${backend}`,
    ...more,
    '  server blue 127.0.0.1:1 disabled',
    '  server green 10.0.0.9:8000',
  ]
  expect(run(['proxy-config', 'proxy', 'network'], script)).toEqual([
    'written once',
    '# hosts=a.example.com,b.example.com hold=20 trusted= drain=12',
    ...slots('app-old', '  option http-server-close'),
    ...slots('app-old.kept'),
    '3 644 7 two',
  ])
})

test('the proxy takes half of the processors, and at least one', () => {
  const script = `gateway=10.0.0.1 subnet=10.0.0.0/24 hold=7 stop_timeout=9 proxy_dir=$root/proxy proxy_publish=80:8080
mkdir -p "$proxy_dir/apps"
backend_config blue 10.0.0.10:80 >"$proxy_dir/apps/shop.cfg"
for processors in 1 2 3 4 8; do
  nproc() { echo "$processors"; }
  proxy_config | grep nbthread
done`
  const threads = [1, 1, 2, 2, 4].map((count) => `  nbthread ${count}`)
  expect(run(['proxy-config', 'proxy', 'network'], script)).toEqual(threads)
})

test('both backends of an app draw lots for the log by the requests of both', () => {
  const script = `hosts=() trusted=() hold=7 stop_timeout=9 app=shop
backend_config blue 10.0.0.10:80 | grep -E 'rate|^backend'`
  const draw = [
    '  http-request set-var(txn.rate) be_sess_rate(app-shop.kept)',
    '  http-request set-var(txn.rate) be_sess_rate(app-shop),add(txn.rate)',
    '  http-request set-log-level silent if { rand(1000),mul(txn.rate) gt 99999 }',
  ]
  expect(run(['proxy-config', 'proxy', 'network'], script)).toEqual([
    'backend app-shop',
    ...draw,
    'backend app-shop.kept',
    ...draw,
  ])
})

test('a proxy reloads for files that a killed run has written, and then no more', () => {
  const script = `lock_host() { :; }
unlock_host() { :; }
find_proxy() { proxy_pid=1; }
docker() { :; }
worker_pids() { :; }
cli() { :; }
until_true() { echo reloads; }
gateway=10.0.0.1 subnet=10.0.0.0/24 hold=7
proxy_dir=$root/proxy proxy_publish=80:8080
(reload_proxy() { exit 9; }; route blue 10.0.0.10:80) || echo killed
for number in 1 2; do route blue 10.0.0.10:80; echo "routed $number"; done`
  const said = ['killed', 'reloads', 'routed 1', 'routed 2']
  expect(run(['proxy-config', 'proxy', 'network', 'live', 'state'], script)).toEqual(said)
})

test.each([
  ['is checked once', 'return 0', '', ['checked blue', 'routed']],
  [
    'that goes elsewhere is checked again',
    'return 0',
    '1',
    ['checked blue', 'checked blue', 'routed'],
  ],
  [
    'that the proxy refuses is refused again, and its app stays where it is',
    'return 1',
    '',
    ['checked blue', 'checked blue', 'unlocked', 'refused', 'stays'],
  ],
])('the file of an app that is switched %s', (_, refusal, elsewhere, said) => {
  const script = `lock_host() { :; }
unlock_host() { echo unlocked; }
find_proxy() { proxy_pid=1; }
docker() { echo "checked $(sed -En 's/^  server (\\w+) 10.*/\\1/p' "$proxy_dir/apps/two.cfg.next" | uniq)" >&3; ${refusal}; }
worker_pids() { :; }
reload_proxy() { :; }
cli() { unlock_host() { :; }; }
gateway=10.0.0.1 subnet=10.0.0.0/24 hold=7 proxy_pid=1
proxy_dir=$root/proxy proxy_publish=80:8080
mkdir -p "$proxy_dir/apps"
exec 3>&1
is_checked blue 10.0.0.10:80 &
if route blue 10.0.0.1${elsewhere}0:80; then echo routed; else
  echo refused
  [[ -e $proxy_dir/apps/two.cfg ]] || echo stays
fi`
  expect(run(['proxy-config', 'proxy', 'network', 'live', 'state'], script)).toEqual(said)
})
