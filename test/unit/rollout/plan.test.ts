import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { createHead, type Head, type RollbackRequest } from '../../../src/deployment/head.ts'
import type { Finding, InstancePlan, PlanContext } from '../../../src/deployment/plan.ts'
import type { Revision } from '../../../src/deployment/revision.ts'
import { Generation, InstanceId, type RevisionId } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { createPlan } from '../../../src/rollout/plan.ts'
import type { PlanPorts } from '../../../src/rollout/plan-facts.ts'
import type { ImageFailure, Images } from '../../../src/rollout/ports.ts'
import { type PlannedTarget, unlimited, type Capacity } from '../../../src/targets/target.ts'
import { appOf } from '../../support/apps.ts'
import {
  after,
  begin,
  deploymentOf,
  instanceAt,
  live,
  openedBy,
  openingOf,
  revisionAt,
  start,
} from '../../support/deployments.ts'
import { commitAt, digestAt, ec2, silent } from '../../support/rollout-world.ts'
import { herokuTarget, keyAt, renderTarget } from '../../support/targets.ts'

const shop = (changes: Partial<App> = {}): App =>
  appOf('oc-lettings', { targets: [ec2()], image: 'acme/shop', ...changes })

interface Given {
  readonly app?: App
  readonly head?: Head
  readonly waiting?: readonly Revision[]
  readonly known?: readonly Revision[]
  readonly ports?: Partial<PlanPorts>
  /** The instances of each target. */
  readonly fleets?: readonly (readonly InstanceId[])[]
  /** Those that nothing can be sent to. */
  readonly offline?: readonly InstanceId[]
  /** Of a command to any target. */
  readonly capacity?: Capacity
  /** What each target's instances have. */
  readonly found?: readonly Finding[]
  readonly wanted?: RevisionId | null
}

const rollbackRequest: RollbackRequest = {
  kind: 'rollback',
  generation: Generation.parse(1),
  to: null,
  reason: 'alarm_fired',
  by: 'alarm:shop-5xx',
  at: start,
  refusal: null,
}

const refusing = (reason: ImageFailure['reason']): Images => ({
  findDigest: async () => fail({ reason, retryAfterSeconds: null }),
  findCommit: async () => fail({ reason, retryAfterSeconds: null }),
})

const planned = (
  { id, wave }: Pick<InstancePlan, 'id' | 'wave'>,
  target: number,
): InstancePlan => ({
  id,
  name: null,
  target,
  wave,
  online: true,
  agent: null,
  docker: null,
  serving: null,
  owner: null,
  freeMegabytes: null,
  freeMemoryMegabytes: null,
  would: [],
})

const planOf = async (given: Given = {}) => {
  const { app = shop(), fleets = [[instanceAt(1)]], wanted = null } = given
  const asked: string[] = []
  const made: string[] = []
  const looked: Parameters<PlannedTarget['look']>[0][] = []
  const contexts: PlanContext[] = []
  const ports: PlanPorts = {
    heads: { load: async () => given.head ?? createHead(app.name) },
    revisions: {
      load: async (_app, id) => given.known?.find((one) => one.id === id) ?? null,
      loadWaiting: async () => given.waiting ?? [],
    },
    seen: { load: async () => ({}) },
    readSecretKeys: async () => succeed(['API_KEY', 'SENTRY_DSN']),
    checkLogin: async () => succeed(null),
    images: {
      findDigest: async (_app, tag) => {
        asked.push(tag)
        return succeed(digestAt(1))
      },
      findCommit: async () => succeed(commitAt(1)),
    },
    labels: { load: async () => [] },
    describeAlarms: async () => [],
    hooksOf: () => [],
    readSecretVersion: async () => succeed('v1'),
    readFiring: async () => [],
    toTarget: ({ kind, key }) => {
      made.push(kind)
      const index = app.targets.findIndex((one) => one.key === key)
      return {
        candidates: async () =>
          (kind === 'heroku' ? [] : (fleets[index] ?? [])).map((id) => ({
            id,
            target: key,
            obstacle: given.offline?.includes(id) === true ? 'instance_offline' : null,
          })),
        capacity: async () => given.capacity ?? unlimited,
        look: async (order) => {
          looked.push(order)
          return {
            plan: (context) => {
              contexts.push(context)
              return {
                instances: context.opened.map((one) => planned(one, order.target)),
                findings: given.found ?? [],
              }
            },
          }
        },
      }
    },
    log: silent,
    clock: () => new Date(start),
    ...given.ports,
  }
  const plan = await createPlan(ports)(app, wanted)
  const lines = plan.findings.map(({ level, what, reason, message }) =>
    [level, what, reason ?? '-', message].join(' | '),
  )
  return { plan, lines, asked, made, looked, contexts }
}

const containing = (text: string): unknown => expect.stringContaining(text)

describe('which revision is looked at', () => {
  it('is none before the first push: the set-up is looked at, the registry asked all the same', async () => {
    const ports: Partial<PlanPorts> = { images: refusing('image_missing') }
    const { plan, lines, looked } = await planOf({ ports })
    expect(plan).toMatchObject({
      ok: true,
      would: 'wait: no revision is known yet: push a commit',
      revision: { from: 'nothing', id: null, digest: null },
      live: null,
    })
    expect(lines).toContain(
      'fine | image | - | no revision is known yet; the registry can be asked for acme/shop',
    )
    expect(looked).toMatchObject([{ digest: null, commit: null }])
  })

  it('what lies under latest is not what a tag of commits would deploy', async () => {
    const before = await planOf()
    expect(before.asked).toEqual(['latest'])
    expect(before.looked).toMatchObject([{ digest: null }])
    const app = shop({ tag: 'stable', requires: [{ kind: 'image' }] })
    const tagged = await planOf({ app })
    expect(tagged.asked).toEqual(['stable'])
    expect(tagged.looked).toMatchObject([{ digest: digestAt(1) }])
  })

  it('is the newest that waits', async () => {
    const waiting = [revisionAt(1), revisionAt(3, { firstSeenAt: after(9) }), revisionAt(2)]
    const { plan, asked, looked } = await planOf({ waiting })
    expect(plan).toMatchObject({
      ok: true,
      would: `deploy ${commitAt(3)} to 1 instance in 1 wave`,
      revision: { from: 'waiting', id: commitAt(3), digest: digestAt(1) },
    })
    expect(asked).toEqual([commitAt(3)])
    expect(looked).toMatchObject([{ commit: commitAt(3), digest: digestAt(1), target: 0 }])
  })

  it('is the live one where none waits, by its digest', async () => {
    const { head } = live(4, 1)
    const { plan, asked } = await planOf({ head })
    expect(asked).toEqual([digestAt(4)])
    expect(plan).toMatchObject({
      would: 'deploy what is live again to 1 instance in 1 wave',
      revision: { from: 'live', id: commitAt(4) },
      live: { generation: 1, digest: digestAt(4) },
    })
  })

  it('is the one that is asked for', async () => {
    const given = { head: live(4, 1).head, waiting: [revisionAt(5)], known: [revisionAt(6)] }
    const { plan, asked } = await planOf({ ...given, wanted: commitAt(6) })
    expect(asked).toEqual([commitAt(6)])
    expect(plan.revision).toMatchObject({ from: 'input', id: commitAt(6) })
    const byDigest = await planOf({ ...given, wanted: digestAt(8) })
    expect(byDigest.asked).toEqual([digestAt(8)])
    expect(byDigest.looked).toMatchObject([{ commit: null }])
  })
})

describe('under a tag that carries no commit', () => {
  const app = shop({ tag: 'latest' })

  it.each([
    [
      'the label says which commit the image is of',
      1,
      `fine | image | - | acme/shop:latest is ${digestAt(1)}`,
    ],
    ['the image of another commit is not yet this one’s', 2, 'warning | image | image_missing'],
    ['an image without the label is nobody’s', null, 'warning | image | image_unlabelled'],
  ])('%s', async (_name, index, line) => {
    const images: Images = {
      findDigest: async () => succeed(digestAt(1)),
      findCommit: async () => succeed(index === null ? null : commitAt(index)),
    }
    const { lines } = await planOf({ app, waiting: [revisionAt(1)], ports: { images } })
    expect(lines).toContainEqual(containing(line))
  })
})

describe('what is found of the app', () => {
  const ofRed = Object.entries(revisionAt(1).ci).map(
    ([key, run]) => [key, { ...run, conclusion: 'failure' as const }] as const,
  )
  const red = revisionAt(1, { ci: Object.fromEntries(ofRed) })
  const lacking = revisionAt(1, { ci: {} })
  const frozen = { reason: 'christmas', by: 'ada', at: start }

  it.each<[string, Given, string, string]>([
    [
      'a revision that lacks CI waits',
      { waiting: [lacking] },
      `warning | revision | evidence_missing | ${commitAt(1)} still lacks: github workflow CI`,
      'wait: ',
    ],
    [
      'an image that is not there yet, too',
      { waiting: [revisionAt(1)], ports: { images: refusing('image_missing') } },
      `warning | image | image_missing | acme/shop:${commitAt(1)}: The image is not in the registry under its tag. What to do: push it under this tag, the full commit where the tag is {commit}.`,
      'wait: ',
    ],
    [
      'one that is asked for fails without its image',
      {
        known: [revisionAt(1)],
        wanted: commitAt(1),
        ports: { images: refusing('image_missing') },
      },
      'problem | image | image_missing',
      'fail: image_missing',
    ],
    [
      'a registry that refuses fails before any push',
      { ports: { images: refusing('registry_unauthorized') } },
      'problem | image | registry_unauthorized | acme/shop:latest',
      'fail: registry_unauthorized',
    ],
    [
      'one that nothing is known of',
      { wanted: commitAt(9) },
      `warning | revision | ci_missing | nothing is known of ${commitAt(9)}; CI is not green`,
      'wait: ',
    ],
    [
      'a red one',
      { wanted: commitAt(1), known: [red] },
      'warning | revision | ci_failed',
      'wait: ',
    ],
    [
      'a quarantined commit',
      { waiting: [revisionAt(1)], head: begin({ quarantine: [commitAt(1)] }).head },
      'warning | revision | quarantined',
      'wait: ',
    ],
    [
      'a quarantined combination of image, secret and env',
      {
        waiting: [revisionAt(1)],
        head: begin({ quarantine: [{ digest: digestAt(1), secretVersion: null, env: {} }] }).head,
      },
      'warning | revision | quarantined',
      'wait: ',
    ],
    [
      'a quarantined digest',
      { waiting: [revisionAt(1)], head: begin({ quarantine: [digestAt(1)] }).head },
      'warning | revision | quarantined',
      'wait: ',
    ],
    [
      'a frozen app',
      { waiting: [revisionAt(1)], head: begin({ freeze: frozen }).head },
      'warning | freeze | app_frozen | frozen by ada: christmas',
      'wait: frozen',
    ],
    [
      'a request before it',
      {
        head: begin({
          request: { revision: null, force: false, by: 'ada', at: start, refusal: null },
        }).head,
      },
      'warning | request | request_pending',
      'wait: ',
    ],
    [
      'a rollback before it',
      { head: begin({ rollback: rollbackRequest }).head, waiting: [revisionAt(1)] },
      'warning | rollback | going_back | #1 is to be taken back (alarm_fired, by alarm:shop-5xx)',
      'wait: #1 is to be taken back',
    ],
    [
      'a rollback before it and before a request',
      {
        head: begin({
          rollback: rollbackRequest,
          request: { revision: null, force: false, by: 'ada', at: start, refusal: null },
        }).head,
      },
      'warning | request | request_pending',
      'wait: #1 is to be taken back',
    ],
    [
      'a target that selects nobody',
      { waiting: [revisionAt(1)], fleets: [[]] },
      'problem | instances | no_instances | The target selects no instance.',
      'fail: no_instances',
    ],
    [
      'a secret that is not there',
      {
        app: shop({ secrets: 'landfall/shop' }),
        ports: {
          readSecretKeys: async () => fail({ reason: 'secret_missing', message: 'create it' }),
        },
      },
      'problem | secret | secret_missing | create it',
      'fail: secret_missing',
    ],
    [
      'credentials that are not there',
      {
        app: shop({ registry: 'landfall/registry' }),
        ports: { checkLogin: async () => fail({ reason: 'secret_invalid', message: 'not so' }) },
      },
      'problem | registry | secret_invalid | not so',
      'fail: secret_invalid',
    ],
  ])('%s', async (_name, given, line, would) => {
    const { plan, lines } = await planOf(given)
    expect(lines).toContainEqual(containing(line))
    expect(plan.would.startsWith(would), plan.would).toBe(true)
    expect(plan.ok).toBe(!would.startsWith('fail'))
  })

  it('is an older one than the live one', async () => {
    const given = { wanted: commitAt(1), known: [revisionAt(1)], head: live(4, 1).head }
    const { plan, lines } = await planOf(given)
    expect(lines).toContainEqual(containing('warning | revision | superseded'))
    expect(plan).toMatchObject({ ok: true, would: containing('wait: ') })
  })

  it('is no rollback that was refused', async () => {
    const refused = { ...rollbackRequest, refusal: 'nothing_to_roll_back_to' as const }
    const { lines } = await planOf({ head: begin({ rollback: refused }).head })
    expect(lines).not.toContainEqual(containing('going_back'))
  })

  it('is the open deployment that the next one waits for', async () => {
    const story = openedBy(begin(), openingOf(1, 1))
    const { lines } = await planOf({ head: story.head, waiting: [revisionAt(1)] })
    const { deadlineAt } = deploymentOf(story)
    expect(lines).toContain(
      `warning | deployment | deployment_open | #1 is open until ${deadlineAt} at the latest; what comes next waits for it`,
    )
  })

  it('is what its secret and its registry hold, by name', async () => {
    const app = shop({ secrets: 'landfall/shop', registry: 'landfall/registry' })
    const { lines } = await planOf({ app, waiting: [revisionAt(1)] })
    expect(lines).toEqual([
      `fine | revision | - | ${commitAt(1)} has what the app requires`,
      `fine | image | - | acme/shop:${commitAt(1)} is ${digestAt(1)}`,
      'fine | secret | - | landfall/shop has the keys API_KEY, SENTRY_DSN',
      'fine | registry | - | landfall/registry holds a username and a password',
    ])
  })

  it('does not ask the registry with credentials that it does not have', async () => {
    const app = shop({ registry: 'landfall/registry' })
    const lack = { reason: 'secret_missing' as const, message: 'create it' }
    const { asked } = await planOf({ app, ports: { checkLogin: async () => fail(lack) } })
    expect(asked).toEqual([])
  })

  const rollback = {
    alarms: ['5xx', 'slow', 'gone'],
    windowSeconds: 1800,
    secrets: 'recorded' as const,
  }
  it('is each alarm that may take it back, and its state', async () => {
    const describeAlarms: PlanPorts['describeAlarms'] = async () => [
      { name: '5xx', state: 'OK' },
      { name: 'slow', state: 'ALARM' },
    ]
    const { plan, lines } = await planOf({ app: shop({ rollback }), ports: { describeAlarms } })
    expect(lines.filter((line) => line.includes('| alarm |'))).toEqual([
      'problem | alarm | - | there is no alarm gone here: create it in this region, or correct rollback.alarms',
      'warning | alarm | - | slow is firing: it takes nothing back before it has been OK',
      'fine | alarm | - | 5xx is OK',
    ])
    expect(plan).toMatchObject({ ok: false, would: 'fail: alarm' })
  })

  it('is that the alarms could not be asked for, which fails nothing', async () => {
    const describeAlarms = () => Promise.reject(new Retryable('throttled'))
    const { plan, lines } = await planOf({ app: shop({ rollback }), ports: { describeAlarms } })
    expect(lines).toContainEqual(containing('warning | alarm | no_answer'))
    expect(plan.ok).toBe(true)
  })

  it('is when each event that it needs was last seen', async () => {
    const ports: Partial<PlanPorts> = {
      seen: { load: async () => ({ 'github:push': after(1) }) },
      hooksOf: () => [
        { kind: 'github:push', event: 'GitHub: Pushes' },
        { kind: 'github:workflow_run', event: 'GitHub: Workflow runs' },
      ],
    }
    const { lines } = await planOf({ ports })
    expect(lines.filter((line) => line.includes('| hook |'))).toEqual([
      'warning | hook | - | GitHub: Workflow runs: none was seen yet; the function hooks tells what to enter and to tick',
      `fine | hook | - | GitHub: Pushes: last seen at ${after(1)}`,
    ])
  })
})

describe('what the opening would end at once', () => {
  const rolling = (count: number, pauseSeconds: number) =>
    ec2({ rollout: { batch: { kind: 'count', value: count }, pauseSeconds } })
  const three = [[instanceAt(1), instanceAt(2), instanceAt(3)]]
  const heroku = herokuTarget()

  it.each<[string, Given, string]>([
    [
      'pauses that outlast the deadline are a problem',
      { app: shop({ targets: [rolling(1, 3600)] }), fleets: three },
      'problem | rollout | pauses_too_long | 2 pauses of rollout.pause may take 7320 s',
    ],
    [
      'an env file that fits into no command is a problem',
      { capacity: { instances: 0, message: 'it takes 40000 bytes' } },
      'problem | envelope | envelope_too_large | it takes 40000 bytes',
    ],
    [
      'a secret that has gone since it was looked into is a problem',
      {
        app: shop({ secrets: 'landfall/shop' }),
        ports: { readSecretVersion: async () => fail('secret_missing') },
      },
      'problem | secret | secret_missing | The app',
    ],
    [
      'a target of a kind that is not built is a problem',
      { app: shop({ targets: [ec2(), heroku] }) },
      'problem | target | target_unsupported | target 2 (heroku): This kind of target',
    ],
    [
      'an instance that nothing can be sent to is a problem',
      { offline: [instanceAt(1)] },
      `problem | instance | instance_offline | ${instanceAt(1)}`,
    ],
  ])('%s', async (_name, given, line) => {
    const { plan, lines } = await planOf({ waiting: [revisionAt(1)], ...given })
    expect(lines[0]).toEqual(containing(line))
    expect(plan).toMatchObject({ ok: false, would: `fail: ${line.split(' | ')[2]}` })
  })

  it('pauses that are too long are told before the first push, without a digest', async () => {
    const { plan } = await planOf({
      app: shop({ targets: [rolling(1, 3600)] }),
      fleets: three,
      ports: { images: refusing('image_missing') },
    })
    expect(plan).toMatchObject({
      would: 'fail: pauses_too_long',
      revision: { from: 'nothing', id: null, digest: null },
    })
    expect(JSON.stringify(plan)).not.toContain('sha256:')
  })

  it('pauses that are too long are told beside a freeze, a rollback and an open deployment', async () => {
    const { head } = openedBy(begin(), openingOf(1, 1))
    const frozen = { reason: 'christmas', by: 'ada', at: start }
    const app = shop({ targets: [rolling(1, 3600)] })
    const held = {
      head: { ...head, rollback: rollbackRequest, freeze: frozen },
      app,
      fleets: three,
    }
    const { plan } = await planOf({ ...held, waiting: [revisionAt(2)] })
    expect(plan.would).toBe('fail: pauses_too_long')
    expect(plan.findings.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['going_back', 'deployment_open', 'app_frozen']),
    )
  })

  it('a failure that the look has found is told once, with what to do about it', async () => {
    const message = 'is the tag on it?'
    const found = [
      { level: 'warning' as const, what: 'instances', reason: 'no_instances' as const },
    ]
    const { plan, lines } = await planOf({
      waiting: [revisionAt(1)],
      fleets: [[]],
      found: found.map((one) => ({ ...one, message })),
    })
    expect(plan.would).toBe('fail: no_instances')
    expect(lines.filter((line) => line.includes('no_instances'))).toEqual([
      `problem | instances | no_instances | ${message}`,
    ])
  })

  it('a target without instances beside one that has some fails no deployment', async () => {
    const app = shop({ targets: [ec2(), ec2({ key: keyAt(1) })] })
    const { plan } = await planOf({ app, fleets: [[], [instanceAt(1)]], waiting: [revisionAt(1)] })
    expect(plan).toMatchObject({ ok: true, would: `deploy ${commitAt(1)} to 1 instance in 1 wave` })
  })

  it('a secret that cannot be read now is a problem and no failure of the opening', async () => {
    const lack = { reason: 'secret_unavailable' as const, message: 'deploy Landfall again' }
    const { plan } = await planOf({
      app: shop({ secrets: 'landfall/shop' }),
      ports: {
        readSecretKeys: async () => fail(lack),
        readSecretVersion: () => Promise.reject(new Retryable('not now')),
      },
    })
    expect(plan.would).toBe('fail: secret_unavailable')
  })

  it('a missing image is told before the failure of the opening', async () => {
    const { plan } = await planOf({
      known: [revisionAt(1)],
      wanted: commitAt(1),
      fleets: [[]],
      ports: { images: refusing('image_missing') },
    })
    expect(plan.would).toBe('fail: image_missing')
  })
})

it('makes each target once, for the opening and for the look', async () => {
  const { made } = await planOf({ app: shop({ targets: [ec2(), ec2({ key: keyAt(1) })] }) })
  expect(made).toEqual(['ec2', 'ec2'])
})

it('shows the waves of the opening: as many instances as one command can hold', async () => {
  const all = ec2({ rollout: { batch: { kind: 'percent', value: 100 }, pauseSeconds: 0 } })
  const five = [[1, 2, 3, 4, 5].map(instanceAt)]
  const { plan } = await planOf({
    app: shop({ targets: [all] }),
    fleets: five,
    waiting: [revisionAt(1)],
    capacity: { instances: 2, message: null },
  })
  expect(plan.instances.map(({ wave }) => wave)).toEqual([0, 1, 1, 2, 2])
  expect(plan.would).toBe(`deploy ${commitAt(1)} to 5 instances in 3 waves`)
})

it('lets no service of Render run predeploy, also where it comes first', async () => {
  const render = renderTarget()
  const fleets = [[InstanceId.parse('srv-1')], [instanceAt(1)]]
  const { contexts } = await planOf({ app: shop({ targets: [render, ec2()] }), fleets })
  expect(contexts.map(({ predeployOn }) => predeployOn)).toEqual([instanceAt(1), instanceAt(1)])
})

it('lets one instance run predeploy, the first of the first target that has any', async () => {
  const fleets = [[], [instanceAt(1), instanceAt(2)]]
  const app = shop({ targets: [ec2(), ec2({ key: keyAt(1) })] })
  const { plan, contexts } = await planOf({ app, fleets, head: live(4, 1).head })
  const released = { generation: 1, digest: digestAt(4) }
  expect(contexts).toMatchObject([
    { opened: [], predeployOn: instanceAt(1), live: released },
    { opened: [{ wave: 0 }, { wave: 1 }], predeployOn: instanceAt(1), live: released },
  ])
  expect(plan.instances.map(({ id, target, wave }) => [id, target, wave])).toEqual([
    [instanceAt(1), 1, 0],
    [instanceAt(2), 1, 1],
  ])
})

it('says what is wrong before what is not', async () => {
  const { plan } = await planOf({ fleets: [[]], head: begin({}).head })
  expect(plan.findings.map(({ level }) => level)).toEqual(['problem', 'warning', 'fine', 'fine'])
})
