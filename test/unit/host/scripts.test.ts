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
  'of an answer that redirects to %s it is told whether it counts',
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
])('of an answer with %s it is told whether it counts', (_, answer, settings, said) => {
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

test('a secret in the address of a redirect is masked before it is cut', () => {
  const address = `/login/${'a'.repeat(100)}planted-secret-value`
  const [said = ''] = judge(toLogin.replace('/login/', address), 'masks=(planted-secret-value)')
  expect(said).toContain('aaa[masked]')
  expect(said).not.toContain('planted')
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
cli() { [[ $* != '@!12 shutdown sessions server app-two/blue' ]] || does cut; }
docker() { does "stop \${4#landfall-two.}"; }
live=7 live_slot=blue slot=blue stop_timeout=30 drain_limit=${drain} notafter=9999999999
proxy_dir=$root slot_address=([blue]=10.0.0.10)
stop_old
echo "$(<"$root/did")$told"`
  const files = ['running', 'state', 'network', 'proxy', 'live', 'switch', 'container']
  expect(run(files, script)).toEqual([`${does.replaceAll(', ', ',')},${told}`])
})
