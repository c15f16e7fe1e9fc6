import type { FoundProxyImage } from '../../../../src/deployment/proxy.ts'
import { expect, test } from 'vitest'
import type { Ec2Settings, TargetSettings } from '../../../../src/deployment/app.ts'
import { Generation, type Digest, type InstanceId } from '../../../../src/kernel/id.ts'
import { createLog } from '../../../../src/kernel/log.ts'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import type { ImageSize } from '../../../../src/registry/manifest.ts'
import { createEc2View, type Ec2ViewPorts } from '../../../../src/targets/ec2/plan.ts'
import type { HostPlan } from '../../../../src/targets/ec2/result.ts'
import type { FleetInstance } from '../../../../src/targets/ec2/ports.ts'
import { instanceAt, lettings, start } from '../../../support/deployments.ts'
import { invocationOf, machine, proxyImage } from '../../../support/ec2-ports.ts'
import { hostPlanOf, toOutput } from '../../../support/host-plans.ts'
import { digestAt, ec2 } from '../../../support/examples.ts'

const megabyte = 1_000_000
const servingAt = (generation: number) => ({
  generation: Generation.parse(generation),
  digest: digestAt(generation),
})

interface Given {
  readonly settings?: Partial<Ec2Settings>
  /** What each instance answers, from the first on; null where it says nothing. */
  readonly hosts: readonly (Partial<HostPlan> | null)[]
  readonly machines?: readonly Partial<FleetInstance>[]
  readonly size?: ImageSize
  readonly predeployOn?: InstanceId | null
  readonly live?: number
  readonly digest?: Digest | null
  readonly before?: TargetSettings | null
  readonly proxy?: FoundProxyImage
  /** Why no command can be sent. */
  readonly unsendable?: string
}

const planOf = async (given: Given) => {
  const { settings = {}, hosts, machines = [], size = { kind: 'unknown' } } = given
  const asked: string[] = []
  let listings = 0
  const ports: Ec2ViewPorts = {
    commands: {
      send: async () =>
        given.unsendable === undefined
          ? succeed('command-1')
          : fail({ kind: 'failed', message: given.unsendable }),
      invocations: async () =>
        hosts.map((host, index) =>
          invocationOf(index + 1, {
            output: host === null ? 'killed' : toOutput(hostPlanOf(host)),
          }),
        ),
    },
    fleet: {
      list: async () => {
        listings += 1
        return hosts.map((_, index) => machine(index + 1, machines[index]))
      },
    },
    measureEnvelope: async () => 200,
    findSize: async (_app, _digest, kind) => {
      asked.push(kind)
      return size
    },
    findProxyImage: async () => given.proxy ?? succeed(proxyImage),
    stage: {
      name: 'test',
      planDocument: 'plan',
      owner: 'o',
      proxyImage: 'docker.io/library/haproxy:3.2',
      subnet: '172.30.77.0/24',
    },
    clock: () => new Date(start),
    sleep: async () => {},
    log: createLog({}, () => {}),
  }
  const view = createEc2View(ports, ec2(settings))
  const { predeployOn = instanceAt(1), live, digest = digestAt(1), before = null } = given
  const order = { app: lettings, target: 0, commit: null, digest }
  const [{ candidates }, looked] = await Promise.all([view.select(), view.look(order)])
  const planned = looked.plan({
    opened: candidates.map(({ id }, index) => ({ id, wave: index * 10 })),
    predeployOn,
    live: live === undefined ? null : servingAt(live),
    before,
  })
  return { ...planned, asked, candidates, listings }
}

const findingsOf = async (
  host: Partial<HostPlan>,
  settings: Partial<Ec2Settings> = {},
  more: Partial<Given> = {},
) => {
  const { findings } = await planOf({ hosts: [host], settings, ...more })
  return findings.map(({ level, what, message }) => `${level} ${what}: ${message}`)
}

const fine =
  'fine instance: agent 3.3.2746.0, Docker 28.1.1, port 80 free, 20000 MB of disk and 900 MB of memory free'

test('reports an instance without problems in one line', async () => {
  expect(await findingsOf({})).toEqual([fine])
})

test.each([
  [
    'to be taken over',
    { holder: 'lettings', replacesRuns: true },
    { replaces: 'lettings' },
    'port 80 to be taken over from lettings',
  ],
  [
    'held by the proxy',
    { holder: 'landfall-proxy-80', serving: servingAt(1) },
    {},
    'port 80 with landfall-proxy-80',
  ],
  ['none for a worker', {}, { publish: null, port: null, strategy: 'worker' }, 'no port'],
] as const)('describes the port of an instance: %s', async (_name, host, settings, port) => {
  expect(await findingsOf(host, settings)).toEqual([fine.replace('port 80 free', port)])
})

const obstacle = (reason: string, message = 'because') => ({ obstacles: [{ reason, message }] })
test.each<[string, Partial<HostPlan>, Partial<Ec2Settings>, string]>([
  [
    'each missing program',
    { missing: ['curl (apt-get install curl)'] },
    {},
    'problem tools: install curl (apt-get install curl)',
  ],
  [
    'an engine too old',
    { docker: '19.03.15' },
    {},
    'problem docker: Docker 19.03.15 is too old; 20.10 or newer is needed',
  ],
  [
    'a stopped engine',
    { docker: '', ...obstacle('docker_unavailable') },
    {},
    'problem docker: because',
  ],
  [
    'a taken port',
    obstacle('port_in_use', 'add the line  replaces: web'),
    {},
    'problem port: add the line  replaces: web',
  ],
  ['a full disk', obstacle('disk_full'), {}, 'problem disk: because'],
  ['a missing network', obstacle('start_failed'), {}, 'problem network: because'],
  ['another stage', obstacle('owned_by_other'), {}, 'problem owner: because'],
  ['a reason of a newer script', obstacle('brand_new'), {}, 'problem network: because'],
  [
    'a missing container to take over',
    {},
    { replaces: 'web' },
    'warning port: no container web runs here, so nothing is taken over; is the name in the line  replaces: web  right?',
  ],
  [
    'what a container to take over would lose, with the kind to name',
    { replacesRuns: true, losses: ['env DEBUG', 'volume data:/data', 'env SECRET_KEY'] },
    { replaces: 'web' },
    'problem replaces: web has env DEBUG, SECRET_KEY, which the new container does not get: add it to env or to the secret, or accept it:  replaces: { name: web, without: [env] }',
  ],
  [
    'a loss of a kind that only the instance knows',
    { replacesRuns: true, losses: ['constructor x'] },
    { replaces: 'web' },
    'problem replaces: web has constructor x, which the new container does not get: give it one, or accept it:  replaces: { name: web, without: [constructor] }',
  ],
  [
    'a container to take over that its stop would remove',
    { replacesRuns: true, losses: ['rm'] },
    { replaces: 'web' },
    'problem replaces: web was run with --rm, so stopping it removes it: run it without, as docs/take-over.md shows',
  ],
  [
    'little memory for two copies',
    { serving: servingAt(1), memoryBytes: 200 * megabyte },
    {},
    'warning memory: 200 MB are free, and two copies run during a switch; strategy: recreate runs one at a time',
  ],
])('reports %s on an instance', async (_name, host, settings, line) => {
  expect(await findingsOf(host, settings)).toContain(line)
})

test('reports as many losses as the script has room for, however short their names are', async () => {
  // As many of the shortest names as fit into the 400 characters of `look_at_losses`.
  const names = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.slice(0, 45).split('')
  const losses = names.map((name) => `env ${name}`)
  const lines = await findingsOf({ replacesRuns: true, losses }, { replaces: 'web' })
  expect(lines).toEqual([
    expect.stringContaining(`problem replaces: web has env ${names.join(', ')}, which`),
  ])
})

test('reports no lack of memory if one copy runs at a time', async () => {
  const host = { memoryBytes: megabyte }
  expect(
    await findingsOf({ ...host, serving: servingAt(1) }, { strategy: 'recreate' }),
  ).toHaveLength(1)
  expect(await findingsOf(host)).toHaveLength(1)
})

test.each([
  ['enough', 350, 'fine'],
  [
    'perhaps too little',
    349,
    'warning disk: 349 MB are free; the image has 100 MB packed and needs about 350',
  ],
  ['surely too little', 99, 'problem disk: 99 MB are free; the image has 100 MB packed'],
])('compares an instance’s free disk with the image: %s', async (_name, free, begins) => {
  const size = { kind: 'known', bytes: 100 * megabyte } as const
  const [first] = await findingsOf({ freeBytes: free * megabyte }, {}, { size })
  expect(first?.startsWith(begins), first).toBe(true)
  // An image that is already there needs no space, and the registry is not asked.
  const pulled = await planOf({ hosts: [{ freeBytes: free * megabyte, pulled: true }], size })
  expect(pulled.findings).toMatchObject([{ level: 'fine' }])
  expect(pulled.asked).toEqual([])
})

test('reports an image that is not built for the machine', async () => {
  const found = await findingsOf({ machine: 'aarch64' }, {}, { size: { kind: 'no_platform' } })
  expect(found).toEqual([
    'problem image: the image is not built for this machine (aarch64); build it for this platform too',
  ])
})

test('reports an image that is gone from the registry although its index is there', async () => {
  const size = { kind: 'platform_gone', digest: digestAt(7) } as const
  expect(await findingsOf({ machine: 'aarch64' }, {}, { size })).toEqual([
    `problem image: the registry no longer has ${digestAt(7)}, which the image names for this machine (aarch64): push the image again with all its platforms, or deploy another commit`,
  ])
})

test('reports an instance that serves another release than the live one', async () => {
  expect(await findingsOf({ serving: servingAt(2) }, {}, { live: 3 })).toContain(
    'warning serving: #2 serves here instead of #3; a deployment corrects that',
  )
  expect(await findingsOf({}, {}, { live: 3 })).toContain(
    'warning serving: nothing of Landfall serves here instead of #3; a deployment corrects that',
  )
  expect(await findingsOf({ serving: servingAt(3) }, {}, { live: 3 })).toHaveLength(1)
})

test.each<[string, Partial<FleetInstance>, string, string]>([
  ['offline', { ping: 'offline' }, 'instance_offline', 'its SSM agent has stopped answering'],
  [
    'unknown to SSM and without a profile',
    { ping: 'unknown', profile: null },
    'instance_offline',
    'SSM does not know it, and it has no instance profile: attach the one that the output InstanceProfile of the stack names',
  ],
  [
    'unknown to SSM with a profile of its own',
    { ping: 'unknown', profile: 'uploads' },
    'instance_offline',
    'SSM does not know it: add the rights of examples/instance-policy.json to the role of its profile uploads',
  ],
  [
    'neither in EC2 nor in SSM',
    { ping: 'unknown', profile: null, metadata: null },
    'instance_offline',
    'neither SSM nor EC2 knows a running instance of this id',
  ],
  [
    'with an old agent',
    { agentVersion: '3.2.0.0' },
    'agent_too_old',
    'AWS-UpdateSSMAgent --instance-ids i-00000001',
  ],
])('says what to do about an instance that is %s', async (_name, changes, reason, message) => {
  const { findings, instances } = await planOf({ hosts: [{}], machines: [changes] })
  expect(findings).toMatchObject([{ level: 'problem', reason, instance: instanceAt(1) }])
  expect(findings[0]?.message).toContain(message)
  expect(instances).toMatchObject([{ docker: null, serving: null, would: [] }])
})

test('says once why no command can be sent to an instance', async () => {
  const unsendable = "AWS refuses ssm:SendCommand to Landfall's function (AccessDeniedException)"
  const { findings } = await planOf({ hosts: [{}], unsendable })
  expect(findings).toMatchObject([
    { reason: 'send_failed', message: `no command can be sent to it: ${unsendable}` },
  ])
})

test('warns of instances that lack the tag of the stage, and asks only the others', async () => {
  const untagged = { tags: { Name: 'lettings' } }
  const machines = [{}, ...Array.from({ length: 6 }, () => untagged)]
  const { findings, instances } = await planOf({ hosts: machines.map(() => ({})), machines })
  const ids = [2, 3, 4, 5, 6].map(instanceAt).join(', ')
  expect(findings.map(({ level, what, message }) => `${level} ${what}: ${message}`)).toEqual([
    `warning instances: left out, because the tag landfall:stage is not test: ${ids} and 1 more`,
    fine,
  ])
  expect(instances.map(({ id }) => id)).toEqual([instanceAt(1)])
})

test('plans each instance in the wave that the opening gives it', async () => {
  const host = { serving: servingAt(1), owner: 'o', pulled: true }
  const { instances, candidates, listings } = await planOf({ hosts: [host, {}, {}, null] })
  expect(instances.map(({ id, wave }) => [id, wave])).toEqual([
    [instanceAt(1), 0],
    [instanceAt(2), 10],
    [instanceAt(3), 20],
    [instanceAt(4), 30],
  ])
  expect(candidates.map(({ id }) => id)).toEqual(instances.map(({ id }) => id))
  expect(listings).toBe(1)
  expect(instances[0]).toMatchObject({
    name: 'lettings',
    target: 0,
    online: true,
    agent: '3.3.2746.0',
    docker: '28.1.1',
    serving: servingAt(1),
    owner: 'o',
    freeMegabytes: 20_000,
    freeMemoryMegabytes: 900,
  })
  expect(instances[3]).toMatchObject({ docker: null, owner: null, would: [] })
})

const redirects = 'no longer passes on a redirect, such as to a login page or to https'
const stricter = 'counts no answer from a cache and no redirect to the same path'
const now = 'warning health: with the next deployment the health check'

test.each<[string, Partial<Ec2Settings['health']>, Partial<Ec2Settings>, readonly string[]]>([
  ['nothing', {}, {}, []],
  [
    'that redirects no longer count',
    { expect: { from: 200, to: 399 } },
    {},
    [`${now} must answer 200-299, not 200-399 as now; it ${redirects}`],
  ],
  [
    'what a release frozen before the rules did not check',
    { expect: { from: 200, to: 399 }, scheme: null },
    {},
    [`${now} must answer 200-299, not 200-399 as now; it ${redirects}; it ${stricter}`],
  ],
  ['that answers of caches no longer count', { scheme: null }, {}, [`${now} ${stricter}`]],
  [
    'that another status is expected',
    { expect: { from: 204, to: 204 } },
    {},
    [`${now} must answer 200-299, not 204-204 as now`],
  ],
  [
    'nothing of redirects that are still expected',
    { expect: { from: 200, to: 399 } },
    { health: { ...ec2().health, expect: { from: 300, to: 399 } } },
    [`${now} must answer 300-399, not 200-399 as now`],
  ],
  ['nothing of a worker', { scheme: null }, { port: null, publish: null, strategy: 'worker' }, []],
])('tells of the health check against the live release: %s', async (_, health, settings, told) => {
  const before = ec2({ health: { ...ec2().health, ...health } })
  const found = await findingsOf({}, settings, { before })
  expect(found.slice(0, -1)).toEqual(told)
})

test.each<[string, Partial<Ec2Settings>, Partial<Ec2Settings>, readonly string[]]>([
  [
    'that the ENTRYPOINT runs it from now on',
    { predeployEntrypoint: false },
    {},
    [
      "warning predeploy: with the next deployment the image's ENTRYPOINT, if it has one, runs predeploy; if it is the app's own program, write  predeploy: { command: [python, manage.py, migrate], entrypoint: false }",
    ],
  ],
  ['nothing where the ENTRYPOINT ran it', {}, {}, []],
  [
    'nothing where it is still left out',
    { predeployEntrypoint: false },
    { predeployEntrypoint: false },
    [],
  ],
  ['nothing of a new one', { predeployEntrypoint: false, predeploy: null }, {}, []],
])('tells of predeploy against the live release: %s', async (_, old, settings, told) => {
  const found = await findingsOf({}, settings, { before: ec2(old) })
  expect(found.slice(0, -1)).toEqual(told)
})

const every = (intervalSeconds: number): Partial<Ec2Settings> => ({
  health: { ...ec2().health, intervalSeconds },
})
test.each<[string, Partial<Ec2Settings>, Partial<Ec2Settings>, readonly string[]]>([
  [
    'that they are nearer to each other',
    every(1),
    every(0.3),
    [
      'warning health: with the next deployment the 2 answers in a row that the health check needs are 0.3 s apart, not 1 s as now; health.interval sets it',
    ],
  ],
  ['nothing where that stays', every(0.3), every(0.3), []],
  ['nothing where they are further apart', every(1), every(2), []],
  ['nothing of a worker', every(1), { ...every(0.3), strategy: 'worker', port: null }, []],
  ['nothing of one that was a worker', { ...every(1), port: null }, every(0.3), []],
])(
  'tells of the time between two checks against the live release: %s',
  async (_, old, settings, told) => {
    const found = await findingsOf({}, settings, { before: ec2(old) })
    expect(found.slice(0, -1)).toEqual(told)
  },
)

const recreate = { strategy: 'recreate' } as const
test.each<[string, Partial<Ec2Settings>, Partial<Ec2Settings>, readonly string[]]>([
  [
    'that those of a release from before drain had run.stopTimeout',
    { ...recreate, drainSeconds: null },
    recreate,
    [
      'warning drain: with the next deployment the old container has 5 s, not 30 s as now, for the requests that it still answers: then these are cut, such as a download; drain sets it',
    ],
  ],
  ['nothing where they have as long', { ...recreate, drainSeconds: 5 }, recreate, []],
  ['nothing where they have longer', { ...recreate, drainSeconds: 1 }, recreate, []],
  ['nothing where they were not cut before', { drainSeconds: null }, {}, []],
])('tells of open requests against the live release: %s', async (_, old, settings, told) => {
  const found = await findingsOf({}, settings, { before: ec2(old) })
  expect(found.slice(0, -1)).toEqual(told)
})

const wouldOf = async (given: Omit<Given, 'hosts'> & { host: Partial<HostPlan> }) =>
  (await planOf({ ...given, hosts: [given.host] })).instances[0]?.would
const check =
  'check: GET / for the host lettings.example.com on port 8000 must answer 200-299, 2 times in a row, 0.3 s apart, within 120 s'

test('plans blue-green: the old container serves until the switch', async () => {
  const host = { serving: servingAt(1) }
  const size = { kind: 'known', bytes: 45.2 * megabyte } as const
  expect(await wouldOf({ host, size })).toEqual([
    'pull the image, 46 MB packed',
    'predeploy: python manage.py migrate',
    'start the new container beside the one that serves',
    check,
    'switch the proxy on 80 to it',
    'stop the previous release within 30 s and keep it',
  ])
})

test('plans whom the proxy believes who the visitor is', async () => {
  const trusted = ['192.0.2.0/24', '198.51.100.0/24']
  const told =
    'switch the proxy on 80 to it, which believes 192.0.2.0/24 and 198.51.100.0/24 who the visitor is (trusted)'
  expect(await wouldOf({ host: {}, settings: { trusted } })).toContain(told)
})

test('plans what the check says in X-Forwarded-Proto, and the text that the body must have', async () => {
  const health = { ...ec2().health, scheme: 'https' as const, contains: '"database": "ok"' }
  const must = String.raw`, as over https, must answer 200-299 with "\"database\": \"ok\"",`
  const would = await wouldOf({ host: {}, settings: { health } })
  expect(would).toContain(check.replace(' must answer 200-299,', must))
})

test('plans to take over the replaced container the first time', async () => {
  const host = { replacesRuns: true, holder: 'web' }
  const settings = { replaces: 'web', predeploy: null }
  expect(await wouldOf({ host, settings })).toEqual([
    'pull the image',
    'start the new container',
    check,
    'take over from web: it is stopped and kept, with about a second of downtime',
    'switch the proxy on 80 to it',
  ])
})

test('plans recreate: requests wait meanwhile', async () => {
  const settings = {
    strategy: 'recreate' as const,
    publish: { address: '127.0.0.1', port: 8080 },
    hosts: [],
    health: { ...ec2().health, host: null, path: '/healthz' },
  }
  const would = [
    'pull: the image is already there',
    'stop the previous release; requests wait at the proxy for up to 30 s; those that it does not answer within 5 s are cut',
    'no predeploy here: it runs once, on the first instance',
    'start the new container',
    'check: GET /healthz on port 8000 must answer 200-299, 2 times in a row, 0.3 s apart, within 120 s',
    'switch the proxy on 127.0.0.1:8080 to it',
  ]
  const host = { serving: servingAt(1), pulled: true }
  expect(await wouldOf({ host, settings, predeployOn: null })).toEqual(would)
  const first = { replacesRuns: true, pulled: true }
  const over = await wouldOf({ host: first, settings: { ...settings, replaces: 'web' } })
  expect(over?.[1]).toBe('stop web; requests wait at the proxy for up to 30 s')
  expect(await wouldOf({ host: { pulled: true }, settings })).not.toContain(would[1])
})

test('plans a worker: it has to stay up', async () => {
  const settings = {
    strategy: 'worker' as const,
    port: null,
    publish: null,
    predeploy: null,
    health: { ...ec2().health, intervalSeconds: 5, times: 3 },
  }
  expect(await wouldOf({ host: { serving: servingAt(1), pulled: true }, settings })).toEqual([
    'pull: the image is already there',
    'start the new container beside the one that serves',
    'check that it stays up for 15 s',
    'stop the previous release within 30 s and keep it',
  ])
})

test('asks the registry for an image’s size once for each kind of machine', async () => {
  const { asked } = await planOf({
    hosts: [{}, { machine: 'aarch64' }, {}, { machine: 'riscv64', pulled: true }],
  })
  expect(asked).toEqual(['x86_64', 'aarch64'])
})

test('does not ask the registry for the size of an unknown image', async () => {
  const { asked } = await planOf({ hosts: [{}], digest: null })
  expect(asked).toEqual([])
})

test('reports a target that selects no instance', async () => {
  const { findings, instances } = await planOf({ hosts: [] })
  expect(instances).toEqual([])
  expect(findings).toEqual([
    {
      level: 'warning',
      what: 'instances',
      reason: 'no_instances',
      message:
        'target 1 selects no running instance: do your machines have the tag that instances names?',
    },
  ])
})

test.each([
  [null, 1],
  ['block', 1],
  ['allow', 0],
] as const)(
  'warns where a host cannot block the metadata service, under metadata: %s',
  async (metadata, count) => {
    const hopLimit = metadata === 'allow' ? 2 : 1
    const machines = [{ metadata: { isEnabled: true, needsToken: true, hopLimit } }]
    const host = { firewall: 'iptables is not installed' }
    const lines = await findingsOf(host, { metadata }, { machines })
    const message =
      "warning metadata: no rule can keep containers from the metadata service here: iptables is not installed; the instance's metadata options alone do"
    expect(lines.filter((line) => line === message)).toHaveLength(count)
  },
)

test('reports the metadata service of each instance, also of one that does not answer, beside all else', async () => {
  const metadata = { isEnabled: true, needsToken: false, hopLimit: 2 }
  const machines = [{ metadata }, { metadata, ping: 'offline' as const }]
  const { findings, candidates } = await planOf({ hosts: [{}, {}], machines })
  const shown = findings.map(({ level, what, instance }) => `${level} ${what} ${instance}`)
  expect(shown).toEqual([
    'problem metadata i-00000001',
    'fine instance i-00000001',
    'problem metadata i-00000002',
    'problem instance i-00000002',
  ])
  expect(candidates.map(({ warning }) => warning)).toEqual([
    'its containers can get its role (HttpTokens=optional, HttpPutResponseHopLimit=2)',
    'its containers can get its role (HttpTokens=optional, HttpPutResponseHopLimit=2)',
  ])
})

test('warns of a proxy that runs another image than the stage has, and shows both', async () => {
  const other = digestAt(31)
  expect(await findingsOf({ proxy: other })).toEqual([
    `warning proxy: its proxy runs ${other}, the stage's is ${digestAt(32)}; no deployment replaces it`,
    fine,
  ])
  expect(await findingsOf({ proxy: digestAt(32) })).toEqual([fine])
  const { instances } = await planOf({ hosts: [{ proxy: 'haproxy:3.2' }, {}] })
  expect(instances.map(({ proxy }) => proxy)).toEqual([
    { runs: 'haproxy:3.2', ofStage: digestAt(32) },
    { runs: null, ofStage: digestAt(32) },
  ])
})

test("reports that no deployment can name the proxy's image now, unless the app has no proxy", async () => {
  const proxy = fail('proxy_image_unavailable' as const)
  const { findings } = await planOf({ hosts: [{}], proxy })
  expect(findings[0]).toMatchObject({ level: 'problem', reason: 'proxy_image_unavailable' })
  const worker = { strategy: 'worker', port: null, publish: null } as const
  expect((await planOf({ hosts: [{}], settings: worker, proxy })).findings).toHaveLength(1)
})
