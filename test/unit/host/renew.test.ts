import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runHost } from '../../support/run-host.ts'

// The renewal of a proxy with bash functions in the place of docker.

const renewal = readFileSync('host/renew.sh', 'utf8').replace(/\nmain\n$/, '\n')

const run = (script: string): readonly string[] => {
  const root = mkdtempSync(join(tmpdir(), 'landfall-renew-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const name of ['scratch', 'instance/proxies/80/apps', 'two'])
    mkdirSync(join(root, name), { recursive: true })
  const start = `root=$1 host=$1/instance scratch=$1/scratch deadline=$(($(now) + 2))
use_proxy 80; touch "$proxy_dir/apps/two.cfg"
`
  const files = ['order', 'running', 'state', 'network', 'proxy', 'live', 'image']
  return runHost(files, `${renewal}\n${start}${script}`, [root])
}

test.each([
  ['one that runs', 'up', ['rm --force landfall-proxy-80', 'rename', 'no note']],
  ['one that does not', 'made', ['rm landfall-proxy-80-next', 'no note']],
  ['one that Docker says nothing of', 'away', ['rm landfall-proxy-80-next', 'note']],
])('the note of a renewal stays until its container is settled: %s', (_, is, does) => {
  const script = `is=${is}
docker() {
  [[ $1 != inspect ]] || { [[ $is == up ]] && echo true; return; }
  [[ $1 == ps ]] || echo "$1 \${*:2}" | sed 's/^rename .*/rename/' >>"$root/did"
  [[ $is != away ]] || return 1
}
timeout() { "\${@:2}"; }
touch "$proxy_dir/renewal"
settle_renewal || true
cat "$root/did"; [[ -e $proxy_dir/renewal ]] && echo note || echo no note`
  expect(run(script)).toEqual(does)
})

test('the note of a renewal that cannot be undone stays, and the undoing waits for a restarted engine', () => {
  const script = `docker() { [[ -e $root/up ]] && echo "$1" >>"$root/did" && [[ $1 != inspect ]]; }
engine_answers() { echo ask >>"$root/did"; [[ $(grep -c ask "$root/did") -lt $tries ]] || touch "$root/up"; [[ -e $root/up ]]; }
is_running() { return 1; }
proxy_answers() { return 0; }
touch "$proxy_dir/renewal"
set +e
for tries in 99999 3; do
  rm -f "$root/did"; deadline=$(($(now) + 1))
  go_back
  uniq "$root/did" | xargs; [[ -e $proxy_dir/renewal ]] && echo note || echo no note
done`
  expect(run(script)).toEqual(['ask', 'note', 'ask rm ps start', 'no note'])
})

test('a renewal that was killed is settled by one command at a time', () => {
  const script = `lock_host() { echo lock; }
unlock_host() { echo unlock; }
settle_renewal() { echo settle; }
docker() { [[ $1 == ps ]]; }
renew_proxy`
  expect(run(script)).toEqual(['lock', 'settle', 'unlock'])
})

test.each([
  ['does not answer any more', 'return 1', ['docker_unavailable']],
  ['was away for the first question', '[[ $1 == ps ]] && echo 0c0ffee', ['docker_unavailable']],
  ['lists no proxy', '[[ $1 == ps ]]', []],
])('a proxy has nothing to renew only if Docker says that it is gone: the engine %s', (...row) => {
  const [, docker, said] = row
  const script = `docker() { ${docker}; }
engine_answers() { return 0; }
fail() { echo "$1"; exit; }
(renew_proxy)`
  expect(run(script)).toEqual(said)
})

/** The whole renewal of the stage `prod`; docker answers `$1 $2` as the lines say, and fails otherwise. */
const renew = (answers: string): string => {
  const [answer = ''] = run(`docker() {
  case "$1 $2" in
${answers}
    version*) echo 28.1 ;;
    'inspect --format') echo old ;;
    *) return 1 ;;
  esac
}
timeout() { [[ $1 != --foreground ]] || return 124; "\${@:2}"; }
echo 000000000000/eu-west-3/other >"$root/two/owner"
SSM_Owner=000000000000/eu-west-3/prod SSM_NotAfter=9999999999 SSM_Fence=1
SSM_ProxyImage=docker.io/library/haproxy@sha256:${'5'.repeat(64)}
(main) || true`)
  return answer
}
const isThere = `'image inspect') ;;`
const refuses = `run*) echo 'no haproxy' >&2; return 1 ;;`
const bornAt = (time: number) => `'network inspect') echo ${time} ;;`

test.each([
  ['is not there in time', '', 'pull_failed', /"cut off after \d s; the timeout is 240 s/],
  [
    'takes no configuration',
    isThere + refuses + bornAt(5),
    'switch_failed',
    /"the image does not take the configuration/,
  ],
  [
    'takes none, as Docker was restarted',
    isThere + refuses + bornAt(9_999_999_999),
    'docker_unavailable',
    /"Docker was restarted meanwhile: the image does not take the configuration/,
  ],
])('a renewal says why it failed where the image %s', (_, answers, reason, message) => {
  const answer = renew(answers)
  expect(answer).toContain(`"outcome":"failed","reason":"${reason}"`)
  expect(answer).toMatch(message)
})

test('a renewal names the proxy that it leaves alone because another stage deploys to it', () => {
  const answer = renew(`${isThere} run*) ;;`)
  expect(answer).toContain('"outcome":"succeeded","reason":"already_live"')
  expect(answer).toContain('; left as it is: landfall-proxy-80, to which another stage deploys"')
  expect(answer).toContain('"changed":false')
})
