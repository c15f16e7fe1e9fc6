import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseConfiguration } from '../../src/config/read.ts'
import { joinEnvelope, sealEnvelope } from '../../src/secrets/envelope.ts'
import { assembleEnvironment } from '../../src/secrets/environment.ts'
import { renderSettings } from '../../src/targets/ec2/settings.ts'
import { createEc2Ports, orderOf } from '../support/ec2-ports.ts'
import { instanceAt } from '../support/deployments.ts'
import { runHost } from '../support/run-host.ts'
import { inFull } from '../support/size.ts'

// What landfall.yml accepts, the host accepts: the settings of accepted files are read here by the
// very functions of host/, without Docker and without a machine.

const { stage } = createEc2Ports().ports

/** What the host says to each of these settings: ok, or why not. */
const readOnHost = (rendered: readonly string[]): readonly string[] => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-settings-'))
  const files = rendered.map((settings, index) => {
    const file = join(directory, String(index))
    writeFileSync(file, Buffer.from(settings, 'base64'))
    return file
  })
  const script = `app=shop
for file; do if read_settings "$file"; then echo ok; else printf '%s\n' "$why"; fi; done`
  const said = runHost(['order', 'proxy'], script, files)
  rmSync(directory, { recursive: true })
  return said
}

type Changes = Readonly<Record<string, unknown>>

/** The settings of a file with one app, or null where landfall.yml does not accept it. */
const render = (app: Changes, ec2: Changes): string | null => {
  const target = {
    instances: { ids: ['i-00000001'] },
    strategy: 'recreate',
    port: 8000,
    publish: 80,
  }
  const text = JSON.stringify({
    apps: {
      shop: {
        repository: 'acme/shop',
        image: 'acme/shop',
        requires: [{ ci: 'github', workflow: 'CI' }],
        ...app,
        targets: [{ ec2: { ...target, ...ec2 } }],
      },
    },
    sources: { github: { secret: 'github' } },
  })
  const parsed = parseConfiguration(text, 'landfall.yml')
  const settings = parsed.ok ? parsed.value.configuration.apps[0] : undefined
  const [own] = settings?.targets ?? []
  if (settings === undefined || own?.kind !== 'ec2') return null
  return renderSettings(
    { ...orderOf({ settings, predeployOn: instanceAt(1) }), imageMegabytes: 900 },
    own,
    stage,
  )
}

const anything = fc.string({ unit: 'binary', maxLength: 12 })
const written = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), anything)
const like = (pattern: RegExp) => fc.stringMatching(pattern)
const amount = like(/^\d{1,3}(\.\d{1,3})?[smh]$/)
const path = written.map((text) => `/${text}`)
const volume = fc
  .tuple(
    fc.oneof(like(/^[A-Za-z0-9_.-]{1,9}$/), path),
    path,
    fc.constantFrom('', ':Z', ':z', ':ro', ':rw', ':ro,Z'),
  )
  .map(([from, to, options]) => `${from}:${to}${options}`)
const name = fc.oneof(like(/^[A-Za-z0-9_.-]{1,20}$/), written)

const kinds: readonly (readonly [string, fc.Arbitrary<readonly [Changes, Changes]>])[] = [
  [
    'image',
    fc
      .oneof(like(/^[a-zA-Z0-9.:/_-]{1,20}$/), like(/^[A-Z]{3}\.[a-z]{2}(:\d{4})?\/[a-z]{1,9}$/))
      .map((image) => [{ image }, {}]),
  ],
  ['environment', written.map((environment) => [{ environment }, {}])],
  [
    'publish',
    fc
      .oneof(like(/^\d{1,3}\.\d{1,2}\.\d{1,2}\.\d{1,2}:\d{1,5}$/), fc.nat(70_000))
      .map((publish) => [{}, { publish }]),
  ],
  ['port', fc.nat(70_000).map((port) => [{}, { port }])],
  [
    'hosts',
    fc
      .array(fc.oneof(like(/^[A-Za-z0-9.-]{1,30}$/), written), { maxLength: 2 })
      .map((hosts) => [{}, { hosts }]),
  ],
  [
    'trusted',
    fc
      .tuple(fc.nat(255), fc.nat(4), fc.nat(33))
      .map(([one, two, prefix]) => [{}, { trusted: [`${one}.${two}.0.0/${prefix}`] }]),
  ],
  ['replaces', name.map((replaces) => [{}, { replaces }])],
  [
    'replaces.without',
    like(/^(volume|env|file|port) [ -~]{1,20}$/).map((loss) => [
      {},
      { replaces: { name: 'old', without: [loss, 'env'] } },
    ]),
  ],
  [
    'run.user',
    fc.oneof(like(/^[a-z0-9_:.-]{1,9}$/), written).map((user) => [{}, { run: { user } }]),
  ],
  [
    'run.extraHosts',
    fc
      .oneof(like(/^[a-z0-9.-]{1,9}:(host-gateway|[0-9a-f.:]{2,9})$/), written)
      .map((host) => [{}, { run: { extraHosts: [host] } }]),
  ],
  ['run.shmSize', like(/^\d{1,6}[bkmg]$/).map((shmSize) => [{}, { run: { shmSize } }])],
  ['run.init', fc.boolean().map((init) => [{}, { run: { init } }])],
  ['run.networks', fc.array(name, { maxLength: 2 }).map((networks) => [{}, { run: { networks } }])],
  [
    'run.capAdd',
    fc
      .array(like(/^[A-Z_]{2,9}$/), { maxLength: 2 })
      .map((capAdd) => [{}, { run: { capAdd, allowHostAccess: true } }]),
  ],
  ['run.newPrivileges', fc.boolean().map((newPrivileges) => [{}, { run: { newPrivileges } }])],
  ['run.pidsLimit', fc.nat(5_000_000).map((pidsLimit) => [{}, { run: { pidsLimit } }])],
  ['run.command', fc.array(written).map((command) => [{}, { run: { command } }])],
  ['predeploy', fc.array(written, { minLength: 1 }).map((predeploy) => [{}, { predeploy }])],
  [
    'predeploy.entrypoint',
    fc.boolean().map((entrypoint) => [{}, { predeploy: { command: ['true'], entrypoint } }]),
  ],
  ['run.volumes', volume.map((one) => [{}, { run: { volumes: [one] } }])],
  ['run.memory', like(/^\d{1,6}[bkmg]$/).map((memory) => [{}, { run: { memory } }])],
  ['run.stopTimeout', amount.map((stopTimeout) => [{}, { run: { stopTimeout } }])],
  ['hold', amount.map((hold) => [{}, { hold }])],
  ['drain', amount.map((drain) => [{}, { drain }])],
  ['health.contains', written.map((contains) => [{}, { health: { contains } }])],
  ['health.timeout', amount.map((timeout) => [{}, { health: { timeout } }])],
  [
    'health.interval',
    fc
      .oneof(amount, like(/^0\.\d{1,3}[sm]$/))
      .map((interval) => [{}, { health: { interval, timeout: '15m' } }]),
  ],
  ['health.times', fc.nat(25).map((times) => [{}, { health: { times } }])],
  [
    'health.path',
    fc.oneof(path, like(/^\/[!-~]{0,20}$/)).map((one) => [{}, { health: { path: one } }]),
  ],
  ['health.host', like(/^[A-Za-z0-9.-]{1,30}$/).map((host) => [{}, { health: { host } }])],
  [
    'health.expect',
    like(/^[1-5]\d\d(-[1-5]\d\d)?$/).map((expected) => [{}, { health: { expect: expected } }]),
  ],
  ['keep', fc.nat(60).map((keep) => [{}, { keep }])],
]

test.each(kinds)('%s: what landfall.yml accepts, the host accepts', (_, arbitrary) => {
  const accepted = fc.sample(
    arbitrary
      .map(([app, ec2]) => ({ app, ec2, settings: render(app, ec2) ?? '' }))
      .filter(({ settings }) => settings !== ''),
    inFull(120, 8),
  )
  const said = readOnHost(accepted.map(({ settings }) => settings))
  expect(said.length).toBe(accepted.length)
  const refused = accepted.flatMap(({ app, ec2 }, index) =>
    said[index] === 'ok' ? [] : [{ app, ec2, said: said[index] }],
  )
  expect(refused).toEqual([])
})

test('every byte of a command arrives', () => {
  const command = ['', ' a "b" $(id)', 'é\n\t\u0001', "'; exit"]
  const settings = render({}, { run: { command } }) ?? ''
  const file = join(mkdtempSync(join(tmpdir(), 'landfall-settings-')), 'settings')
  writeFileSync(file, Buffer.from(settings, 'base64'))
  const script = `app=shop; read_settings "$1"
printf '%s\\0' "\${command[@]}" | base64 --wrap 0; echo`
  const [bytes = ''] = runHost(['order', 'proxy'], script, [file])
  expect(Buffer.from(bytes, 'base64').toString().split('\0').slice(0, -1)).toEqual(command)
})

const malformed = [
  ['stopTimeout=1.5', 'setting stopTimeout is malformed'],
  ['volume=data:data', 'setting volume is malformed'],
  ['image=acme/shop;id', 'setting image is malformed'],
  ['healthPath=/a b', 'setting healthPath is malformed'],
  ['capAdd=NET_RAW --privileged', 'setting capAdd is malformed'],
  ['newPrivileges=yes', 'setting newPrivileges is malformed'],
  ['pidsLimit=0', 'setting pidsLimit is malformed'],
  ['network=--privileged', 'setting network is malformed'],
  ['replaces=-x', 'setting replaces is malformed'],
  ['without=env A\nB', 'setting without is malformed'],
  ['user=--privileged', 'setting user is malformed'],
  ['extraHost=--privileged', 'setting extraHost is malformed'],
  ['shmSize=1g --privileged', 'setting shmSize is malformed'],
  ['init=true', 'setting init is malformed'],
  ['port=0', 'setting port is malformed'],
  ['secret=x', 'unknown setting secret'],
] as const

describe('what no landfall.yml says', () => {
  let said: readonly string[] = []
  beforeAll(() => {
    const toSettings = (entry: string): string =>
      Buffer.from(`format=1\0strategy=worker\0${entry}\0`).toString('base64')
    said = readOnHost(malformed.map(([entry]) => toSettings(entry)))
  })

  test.each(malformed.map((row, index) => [...row, index] as const))(
    'the host refuses %j',
    (_, expected, index) => {
      expect(said[index]).toBe(expected)
      expect(said).toHaveLength(malformed.length)
    },
  )
})

test('the names that cannot have a value of several lines are the same here and on the host', () => {
  const bases = [
    'PATH HOME IFS ENV SHELL PWD OLDPWD CDPATH TMPDIR GLOBIGNORE SHELLOPTS PROMPT_COMMAND PS1 PS4 PS9',
    'POSIXLY_CORRECT POSIX_PEDANTIC UID EUID PPID LANG LC_ALL LC_ LD_PRELOAD BASH BASH_ENV BASHOPTS',
    'DOCKER_HOST BUILDKIT_HOST COMPOSE_FILE GODEBUG GO GOOGLE_KEY SSL_CERT_FILE XDG_CONFIG_HOME SSM_App',
    'HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY MY_PROXY SSH_KEY PRIVATE_KEY SHELL_KEY LANGUAGE PATHS',
  ].flatMap((line) => line.split(' '))
  const made = fc.sample(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/), 200)
  const names = [...bases, ...bases.map((base) => base.toLowerCase()), ...made]
  const value = 'first\nsecond'
  const here = names.map((one) =>
    assembleEnvironment({ env: { [one]: value }, secret: null }).ok ? 'ok' : 'refused',
  )
  const script = `refuse() { echo refused; exit; }
for name; do (add_variable "$name"=$'first\\nsecond' && echo ok); done`
  expect(here).toContain('ok')
  expect(here).toContain('refused')
  const said = runHost(['order', 'envelope'], script, names)
  expect(names.map((one, index) => [one, said[index]])).toEqual(
    names.map((one, index) => [one, here[index]]),
  )
})

test('a value of several lines arrives in the container whatever its name is, or is refused', () => {
  const files = readdirSync('host').filter((name) => name.endsWith('.sh'))
  const scripts = files.map((name) => readFileSync(`host/${name}`, 'utf8')).join('\n')
  // Each variable of the scripts, and those that have a meaning to bash.
  const own = [...scripts.matchAll(/\b([A-Za-z_]\w*)(?==|\+=|\[)/g)].map(([, one = '']) => one)
  const bash =
    '_ RANDOM SRANDOM SECONDS LINENO FUNCNAME GROUPS DIRSTACK HISTCMD OPTIND OPTERR OPTARG REPLY MAPFILE HOSTNAME EPOCHSECONDS EPOCHREALTIME COMP_WORDS'
  const names = [...new Set([...own, ...bash.split(' ')])]
  expect(names).toContain('multi_names')
  const script = String.raw`refuse() { exit 1; }
for one; do
  if (add_variable "$one"=$'first\nsecond'); then add_variable "$one"=$'first\nsecond'; else echo "$one"; fi
done
start_it() { local name=x options=(x); with_values env -0; }
start_it | tr '\n\0' '|\n' | grep '=first|second$'`
  const said = runHost(['order', 'envelope', 'container'], script, names)
  const told = said.map((line) => line.replace('=first|second', ''))
  expect(told.toSorted()).toEqual(names.toSorted())
  expect(said).toContain('multi_names=first|second')
})

test('an envelope with one changed bit is refused, or read as it was', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-envelope-'))
  const make =
    'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout key.pem -out cert.pem'
  execFileSync('sh', ['-c', make], { cwd: directory, stdio: 'ignore' })
  writeFileSync(join(directory, 'instance'), 'i-00000001')
  const certificate = new X509Certificate(readFileSync(join(directory, 'cert.pem'))).raw
  const entries = ['env DEBUG=False', `secret TOKEN=${'t0ken-'.repeat(20)}`]
  const text = joinEnvelope('landfall/1 shop 7 i-00000001', entries)
  const sealed = await sealEnvelope(text, [new Uint8Array(certificate)])
  const changed = fc
    .sample(fc.nat(sealed.length * 8 - 1), inFull(300, 30))
    .map((bit) =>
      sealed.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)),
    )
  const script = String.raw`refuse() { echo "$1"; exit; }
host=$1 scratch=$1 here=i-00000001 app=shop generation=7
for envelope in "${'$'}{@:2}"; do (open_envelope && base64 --wrap 0 "$scratch/env" && echo); done`
  const given = [sealed, ...changed].map((one) => Buffer.from(one).toString('base64'))
  const [whole = '', ...said] = runHost(['order', 'envelope'], script, [directory, ...given])
  rmSync(directory, { recursive: true })
  expect(Buffer.from(whole, 'base64').toString()).toContain('DEBUG=False\n')
  expect(said).toHaveLength(changed.length)
  const others = said.filter((one) => one !== 'envelope_invalid' && one !== 'key_changed')
  expect(others.filter((one) => one !== whole)).toEqual([])
})

test('the longest answer of a success is shorter than 2,400 characters, which is what a listing holds', () => {
  const script = `generation=999999999 fence=999999999999 fence_seen=999999999999
serving() { printf '{"generation":999999999,"digest":"sha256:%064d"}' 0; }
changed=true predeploy_ran=false
for name in lock inspect pull configure stop predeploy start check take-over switch drain retire prune; do
  step_open=yes step=$name step_began=$(($(now_ms) - 1740000))
  end succeeded superseded_fence
done
answer succeeded already_live "$(printf '"%.0s' {1..400})"`
  const [line = ''] = runHost([], script, [])
  expect(JSON.parse(line.replace('landfall/1 ', ''))).toMatchObject({ outcome: 'succeeded' })
  expect(line.length).toBeLessThan(2400)
})
