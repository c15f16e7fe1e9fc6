import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import {
  createHead,
  type Head,
  type Request,
  type RollbackRequest,
} from '../../../src/deployment/head.ts'
import type { Finding, InstancePlan, PlanContext } from '../../../src/deployment/plan.ts'
import type { SeenNames } from '../../../src/deployment/seen-names.ts'
import type { Revision } from '../../../src/deployment/revision.ts'
import { Denied } from '../../../src/kernel/denied.ts'
import { Generation, InstanceId, type RevisionId } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { createPlan } from '../../../src/rollout/plan.ts'
import type { PlanPorts } from '../../../src/rollout/plan-facts.ts'
import type { ImageRefusal } from '../../../src/deployment/revision.ts'
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
  twoFleets,
} from '../../support/deployments.ts'
import * as core from '../../support/core.ts'
import { commitAt, digestAt, ec2, silent } from '../../support/rollout-world.ts'
import { keyAt, renderTarget } from '../../support/targets.ts'
import { failedSecret } from '../../support/failed-secret.ts'

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
  readonly names?: SeenNames
}

const noNames: SeenNames = { workflows: [], branches: [] }

const rollbackRequest: RollbackRequest = {
  kind: 'rollback',
  generation: Generation.parse(1),
  to: null,
  reason: 'alarm_fired',
  by: 'alarm:shop-5xx',
  at: start,
  refusal: null,
}

const openRequest: Request = {
  revision: null,
  promoted: null,
  force: false,
  by: 'ada',
  at: start,
  refusal: null,
}

const refusing = (reason: ImageRefusal['reason']): PlanPorts['images'] => ({
  findDigest: async () => fail({ reason, retryAfterSeconds: null }),
  findCommit: async () => fail({ reason, retryAfterSeconds: null }),
  checkPlatforms: async () => [],
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
  proxy: null,
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
    stage: 'prod',
    apps: [app],
    heads: { load: async () => given.head ?? createHead(app.name) },
    revisions: {
      load: async (_app, id) => given.known?.find((one) => one.id === id) ?? null,
      loadWaiting: async () => given.waiting ?? [],
    },
    seen: { load: async () => ({}), loadNames: async () => given.names ?? noNames },
    repositories: { load: async () => null },
    readSecretKeys: async () => succeed(['API_KEY', 'SENTRY_DSN']),
    checkLogin: async () => succeed(null),
    images: {
      findDigest: async (_app, tag) => {
        asked.push(tag)
        return succeed(digestAt(1))
      },
      findCommit: async () => succeed(commitAt(1)),
      checkPlatforms: async () => [],
    },
    labels: { load: async () => [] },
    describeAlarms: async () => [],
    readConcurrency: async () => 1000,
    hooksOf: () => [],
    readSecretVersion: async () => succeed('v1'),
    readAlarms: async () => [],
    toTarget: ({ kind, key }) => {
      made.push(kind)
      const index = app.targets.findIndex((one) => one.key === key)
      return {
        select: async () => ({
          architectures: ['amd64'],
          candidates: (kind === 'heroku' ? [] : (fleets[index] ?? [])).map((id) => ({
            id,
            target: key,
            obstacle: given.offline?.includes(id) === true ? 'instance_offline' : null,
            warning: null,
          })),
          leftOut: null,
        }),
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

describe('the revision of a plan', () => {
  it('plans without a revision before the first push, and asks the registry all the same', async () => {
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

  it('plans no digest from latest where the tag is the commit', async () => {
    const before = await planOf()
    expect(before.asked).toEqual(['latest'])
    expect(before.looked).toMatchObject([{ digest: null }])
    const app = shop({ tag: 'stable', requires: [{ kind: 'image' }] })
    const tagged = await planOf({ app })
    expect(tagged.asked).toEqual(['stable'])
    expect(tagged.looked).toMatchObject([{ digest: digestAt(1) }])
  })

  it('plans the newest waiting revision', async () => {
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

  it('plans the live release by its digest where no revision waits', async () => {
    const { head } = live(4, 1)
    const { plan, asked } = await planOf({ head })
    expect(asked).toEqual([digestAt(4), commitAt(4)])
    expect(plan).toMatchObject({
      would: 'deploy what is live again to 1 instance in 1 wave',
      revision: { from: 'live', id: commitAt(4) },
      live: { generation: 1, digest: digestAt(4) },
    })
  })

  it('plans the requested revision', async () => {
    const given = { head: live(4, 1).head, waiting: [revisionAt(5)], known: [revisionAt(6)] }
    const { plan, asked } = await planOf({ ...given, wanted: commitAt(6) })
    expect(asked).toEqual([commitAt(6)])
    expect(plan.revision).toMatchObject({ from: 'input', id: commitAt(6) })
    const byDigest = await planOf({ ...given, wanted: digestAt(8) })
    expect(byDigest.asked).toEqual([digestAt(8)])
    expect(byDigest.looked).toMatchObject([{ commit: null }])
  })
})

describe('the plan of an app that a person deploys', () => {
  const manual = shop({ deploy: 'manual' })
  const complete = `${commitAt(1)} has what the app requires`
  const staging = appOf('oc-lettings-staging', { image: 'docker.io/acme/shop', targets: [ec2()] })
  const stagingWith = (index: number): Partial<PlanPorts> => {
    const { stored } = core.bringLive(core.begin(), openingOf(index, 1, {}, staging))
    const head = { ...stored, app: staging.name }
    return {
      apps: [manual, staging, appOf('other', { image: 'acme/other' })],
      heads: { load: async (name) => (name === staging.name ? head : createHead(name)) },
    }
  }

  it('says that a complete revision waits for a person, and how to bring it out', async () => {
    const { plan, lines } = await planOf({ app: manual, waiting: [revisionAt(1)] })
    const call = `npx sls invoke -f redeploy --stage prod -d '{"app":"oc-lettings","revision":"${commitAt(1)}"}'`
    expect(lines).toContain(`warning | revision | manual | ${complete}; it waits for: ${call}`)
    expect(plan).toMatchObject({ ok: true, would: `wait: ${complete}; it waits for: ${call}` })
  })

  it('says where the image of a waiting revision is live already', async () => {
    const given = { app: manual, waiting: [revisionAt(1)], ports: stagingWith(1) }
    const { lines } = await planOf(given)
    const call = `npx sls invoke -f redeploy --stage prod -d '{"app":"oc-lettings","from":"oc-lettings-staging"}'`
    expect(lines).toContain(
      `warning | revision | manual | ${complete}; live on oc-lettings-staging as #1, it waits for: ${call}`,
    )
    const other = await planOf({ ...given, ports: stagingWith(2) })
    expect(other.lines).toContainEqual(containing(`${complete}; it waits for: `))
  })

  it('says that a revision waits for a person since the app was manual', async () => {
    const { lines } = await planOf({ waiting: [revisionAt(1, { reason: 'manual' })] })
    expect(lines).toContainEqual(containing(`warning | revision | manual | ${complete}`))
  })

  it('plans the deployment of a revision that the person names', async () => {
    const { plan, lines } = await planOf({
      app: manual,
      known: [revisionAt(1)],
      wanted: commitAt(1),
    })
    expect(lines).toContain(`fine | revision | - | ${complete}`)
    expect(plan.would).toBe(`deploy ${commitAt(1)} to 1 instance in 1 wave`)
  })
})

describe('under a tag that carries the commit', () => {
  const images = (index: number): PlanPorts['images'] => ({
    findDigest: async (_app, name) => succeed(name === commitAt(1) ? digestAt(index) : digestAt(1)),
    findCommit: async () => succeed(null),
    checkPlatforms: async () => [],
  })
  const told = (lines: readonly string[]) => lines.filter((line) => line.includes('by now'))

  it('tells that the tag of the live commit names another image, and the call that brings it out', async () => {
    const { plan, lines } = await planOf({ head: live(1, 1).head, ports: { images: images(2) } })
    expect(told(lines)).toEqual([
      `warning | image | - | the tag of ${commitAt(1)} names ${digestAt(2)} by now, which is not live: the tag of a commit that is out brings nothing out. If it is to: npx sls invoke -f redeploy --stage prod -d '{"app":"oc-lettings","revision":"${commitAt(1)}"}'`,
    ])
    expect(plan).toMatchObject({ ok: true, revision: { from: 'live', digest: digestAt(1) } })
  })

  it.each([
    ['names the live image', 1, shop()],
    ['carries no commit', 2, shop({ tag: 'latest' })],
  ])('tells nothing where the tag %s', async (_what, index, app) => {
    const { lines } = await planOf({ app, head: live(1, 1).head, ports: { images: images(index) } })
    expect(told(lines)).toEqual([])
  })
})

describe('an index one of whose images is gone', () => {
  const losing = (...gone: readonly string[]): PlanPorts['images'] => ({
    findDigest: async () => succeed(digestAt(1)),
    findCommit: async () => succeed(null),
    checkPlatforms: async () =>
      ['linux/amd64', 'linux/arm64'].map((platform, index) => {
        return { platform, digest: digestAt(8 + index), isGone: gone.includes(platform) }
      }),
  })
  const planOfLosing = (...gone: readonly string[]) =>
    planOf({ waiting: [revisionAt(1)], ports: { images: losing(...gone) } })

  it('makes the commit wait where an instance needs it', async () => {
    const { plan, lines } = await planOfLosing('linux/amd64')
    expect(plan).toMatchObject({ ok: false, would: 'wait: image_gone' })
    expect(lines).toContainEqual(
      containing(
        `problem | image | image_gone | the registry no longer has linux/amd64 (${digestAt(8)})`,
      ),
    )
  })

  it('is warned of where no instance is known to need it', async () => {
    const { plan, lines } = await planOfLosing('linux/arm64')
    expect(plan).toMatchObject({ ok: true, would: containing('deploy ') })
    expect(lines).toContainEqual(
      containing(`warning | image | - | the registry no longer has linux/arm64 (${digestAt(9)})`),
    )
  })
})

describe('under a tag that carries no commit', () => {
  const app = shop({ tag: 'latest' })

  it.each([
    [
      'accepts an image whose label names the commit',
      1,
      `fine | image | - | acme/shop:latest is ${digestAt(1)}`,
    ],
    ['misses the image where the label names another commit', 2, 'warning | image | image_missing'],
    ['warns of an image without a label', null, 'warning | image | image_unlabelled'],
  ])('%s', async (_name, index, line) => {
    const images: PlanPorts['images'] = {
      findDigest: async () => succeed(digestAt(1)),
      findCommit: async () => succeed(index === null ? null : commitAt(index)),
      checkPlatforms: async () => [],
    }
    const { lines } = await planOf({ app, waiting: [revisionAt(1)], ports: { images } })
    expect(lines).toContainEqual(containing(line))
  })
})

describe('the findings on an app', () => {
  const ofRed = Object.entries(revisionAt(1).ci).map(
    ([key, run]) => [key, { ...run, conclusion: 'failure' as const }] as const,
  )
  const red = revisionAt(1, { ci: Object.fromEntries(ofRed) })
  const lacking = revisionAt(1, { ci: {} })
  const known = { id: 7, name: 'acme/oc-lettings', keptAt: start, renamed: null, refused: null }
  const renamed = { name: 'acme/store', at: start }
  const workflowOf = (workflow: string, file: string) =>
    ({ ci: 'github', workflow, workflowPath: `.github/workflows/${file}` }) as const
  const ci = workflowOf('CI', 'ci.yml')
  const lint = workflowOf('Lint', 'lint.yml')
  const tests = workflowOf('Tests \u001B[31m[31m', 'tests.yml')
  const refused = { id: 8, at: start }
  const frozen = { reason: 'christmas', by: 'ada', at: start }

  it.each<[string, Given, string, string]>([
    [
      'a waiting revision that lacks CI',
      { waiting: [lacking] },
      `warning | revision | evidence_missing | ${commitAt(1)} still lacks: github workflow CI`,
      'wait: ',
    ],
    [
      'a missing image of a waiting revision',
      { waiting: [revisionAt(1)], ports: { images: refusing('image_missing') } },
      `warning | image | image_missing | acme/shop:${commitAt(1)}: The image is not in the registry under its tag. What to do: push it under this tag, the full commit where the tag is {commit}.`,
      'wait: ',
    ],
    [
      'a missing image of a requested revision',
      {
        known: [revisionAt(1)],
        wanted: commitAt(1),
        ports: { images: refusing('image_missing') },
      },
      'problem | image | image_missing',
      'fail: image_missing',
    ],
    [
      'a registry that refuses the credentials, before any push',
      { ports: { images: refusing('registry_unauthorized') } },
      'problem | image | registry_unauthorized | acme/shop:latest',
      'fail: registry_unauthorized',
    ],
    [
      'a requested revision that is unknown',
      { wanted: commitAt(9) },
      `warning | revision | ci_missing | nothing is known of ${commitAt(9)}; CI is not green`,
      'wait: ',
    ],
    [
      'a requested revision whose CI failed',
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
      'a pending request',
      {
        head: begin({
          request: openRequest,
        }).head,
      },
      'warning | request | request_pending',
      'wait: ',
    ],
    [
      'a pending rollback',
      { head: begin({ rollback: rollbackRequest }).head, waiting: [revisionAt(1)] },
      'warning | rollback | going_back | #1 is to be taken back (alarm_fired, by alarm:shop-5xx)',
      'wait: #1 is to be taken back',
    ],
    [
      'a pending rollback beside a request',
      {
        head: begin({
          rollback: rollbackRequest,
          request: openRequest,
        }).head,
      },
      'warning | request | request_pending',
      'wait: #1 is to be taken back',
    ],
    [
      'a repository that GitHub has another name for',
      {
        waiting: [revisionAt(1)],
        ports: { repositories: { load: async () => ({ ...known, renamed }) } },
      },
      'warning | repository | - | GitHub calls acme/oc-lettings (id 7) acme/store now',
      'deploy',
    ],
    [
      'another repository with the name',
      {
        waiting: [revisionAt(1)],
        ports: { repositories: { load: async () => ({ ...known, refused }) } },
      },
      'warning | repository | - | deliveries of another repository with the name acme/oc-lettings are refused: its id is 8',
      'deploy',
    ],
    [
      'a required workflow that no delivery had',
      { waiting: [revisionAt(1)], names: { workflows: [lint, tests], branches: [] } },
      'warning | workflow | - | no run of a push to main was of the github workflow CI yet; those of others that came: "Lint" in ".github/workflows/lint.yml", "Tests [31m" in ".github/workflows/tests.yml". If one of these',
      'deploy',
    ],
    [
      'two files that have the required workflow',
      {
        waiting: [revisionAt(1)],
        names: { workflows: [lint, ci, { ...ci, workflowPath: 'b.yml' }], branches: [] },
      },
      'warning | workflow | - | several files have the github workflow CI: "CI" in ".github/workflows/ci.yml", "CI" in "b.yml". Each',
      'deploy',
    ],
    [
      'a branch with other capitals',
      { waiting: [revisionAt(1)], names: { workflows: [], branches: ['Main'] } },
      'warning | branch | - | there were pushes to "Main", and landfall.yml has main',
      'deploy',
    ],
    [
      'a target that selects no instance',
      { waiting: [revisionAt(1)], fleets: [[]] },
      'problem | instances | no_instances | The target selects no instance.',
      'fail: no_instances',
    ],
    [
      'a missing secret',
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
      'missing registry credentials',
      {
        app: shop({ registry: 'landfall/registry' }),
        ports: { checkLogin: async () => fail({ reason: 'secret_invalid', message: 'not so' }) },
      },
      'problem | registry | secret_invalid | not so',
      'fail: secret_invalid',
    ],
  ])('reports %s', async (_name, given, line, would) => {
    const { plan, lines } = await planOf(given)
    expect(lines).toContainEqual(containing(line))
    expect(plan.would.startsWith(would), plan.would).toBe(true)
    expect(plan.ok).toBe(!would.startsWith('fail'))
  })

  it('warns of a revision that is older than the live one', async () => {
    const given = { wanted: commitAt(1), known: [revisionAt(1)], head: live(4, 1).head }
    const { plan, lines } = await planOf(given)
    expect(lines).toContainEqual(containing('warning | revision | superseded'))
    expect(plan).toMatchObject({ ok: true, would: containing('wait: ') })
  })

  it('does not wait for a refused rollback', async () => {
    const refused = { ...rollbackRequest, refusal: 'nothing_to_roll_back_to' as const }
    const { lines } = await planOf({ head: begin({ rollback: refused }).head })
    expect(lines).not.toContainEqual(containing('going_back'))
  })

  it('warns of the open deployment that the next one waits for', async () => {
    const story = openedBy(begin(), openingOf(1, 1))
    const { lines } = await planOf({ head: story.head, waiting: [revisionAt(1)] })
    const { deadlineAt } = deploymentOf(story)
    expect(lines).toContain(
      `warning | deployment | deployment_open | #1 is open until ${deadlineAt} at the latest; what comes next waits for it`,
    )
  })

  it('lists the keys of the secret and of the registry by name', async () => {
    const app = shop({ secrets: 'landfall/shop', registry: 'landfall/registry' })
    const { lines } = await planOf({ app, waiting: [revisionAt(1)] })
    expect(lines).toEqual([
      `fine | revision | - | ${commitAt(1)} has what the app requires`,
      `fine | image | - | acme/shop:${commitAt(1)} is ${digestAt(1)}`,
      'fine | secret | - | landfall/shop has the keys API_KEY, SENTRY_DSN',
      'fine | registry | - | landfall/registry holds a username and a password',
      'fine | concurrency | - | the account runs 1000 functions at a time',
    ])
  })

  it('does not ask the registry without its credentials', async () => {
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
  it('lists each alarm with its state', async () => {
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
    expect(plan).toMatchObject({
      ok: false,
      would: 'wait: no revision is known yet: push a commit',
    })
  })

  it('warns where the alarms cannot be read', async () => {
    const describeAlarms = () => Promise.reject(new Retryable('throttled'))
    const { plan, lines } = await planOf({ app: shop({ rollback }), ports: { describeAlarms } })
    expect(lines).toContainEqual(
      containing(
        'warning | alarm | - | which of its alarms exist or fire is not known: AWS did not answer',
      ),
    )
    expect(plan.ok).toBe(true)
  })

  it('says what AWS does not let it see, and takes only the instances for a problem', async () => {
    const denied = async () => Promise.reject(new Denied('AWS refuses a call'))
    const { plan, lines } = await planOf({
      app: shop({ rollback }),
      waiting: [revisionAt(1)],
      ports: {
        describeAlarms: denied,
        readConcurrency: denied,
        toTarget: () => ({ select: denied, capacity: denied, look: denied }),
      },
    })
    expect(plan).toMatchObject({ ok: false, would: 'wait: aws_denied', instances: [] })
    expect(lines).toEqual(
      expect.arrayContaining([
        containing('problem | instances | aws_denied | AWS refuses a call'),
        'warning | alarm | - | which of its alarms exist or fire is not known: AWS refuses a call',
        'warning | concurrency | - | how many functions the account runs at a time is not known: AWS refuses a call',
      ]),
    )
  })

  it.each<readonly [number | null, string]>([
    [1000, 'fine | concurrency | - | the account runs 1000 functions at a time'],
    [100, 'fine | concurrency | - | the account runs 100 functions at a time'],
    [
      10,
      "warning | concurrency | - | the account runs 10 functions at a time, Landfall's and others: a webhook that comes while all are busy is lost. Ask for 1,000 (Service Quotas, AWS Lambda, Concurrent executions)",
    ],
    [
      null,
      'warning | concurrency | - | how many functions the account runs at a time is not known: AWS leaves it out',
    ],
  ])('says what a concurrency of %s means for webhooks', async (limit, line) => {
    const { plan, lines } = await planOf({ ports: { readConcurrency: async () => limit } })
    expect(lines).toContain(line)
    expect(plan.ok).toBe(true)
  })

  it('warns where the concurrency cannot be read now', async () => {
    const readConcurrency = () => Promise.reject(new Retryable('throttled'))
    const { lines } = await planOf({ ports: { readConcurrency } })
    expect(lines).toContainEqual(containing('AWS did not answer; ask again in a minute'))
  })

  it('lists when each required webhook event was last seen', async () => {
    const ports: Partial<PlanPorts> = {
      seen: {
        load: async () => ({ 'github:push': after(1) }),
        loadNames: async () => noNames,
      },
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

describe('a deployment that would end at its opening', () => {
  const rolling = (count: number, pauseSeconds: number) =>
    ec2({ rollout: { batch: { kind: 'count', value: count }, pauseSeconds } })
  const three = [[instanceAt(1), instanceAt(2), instanceAt(3)]]

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
        ports: { readSecretVersion: async () => failedSecret('secret_missing') },
      },
      'problem | secret | secret_missing | the secret',
    ],
    [
      'an instance that two targets select is a problem',
      { app: shop({ targets: twoFleets() }), fleets: [[instanceAt(1)], [instanceAt(1)]] },
      `problem | instance | instance_in_two_targets | ${instanceAt(1)} is selected by target 1 (`,
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

  it('reports too long pauses before the first push, without a digest', async () => {
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

  it('reports too long pauses beside a freeze, a rollback and an open deployment', async () => {
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

  it('reports a failure of the opening once where a target reports it with advice', async () => {
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

  it('plans a deployment where one of two targets has no instance', async () => {
    const app = shop({ targets: [ec2(), ec2({ key: keyAt(1) })] })
    const { plan } = await planOf({ app, fleets: [[], [instanceAt(1)]], waiting: [revisionAt(1)] })
    expect(plan).toMatchObject({ ok: true, would: `deploy ${commitAt(1)} to 1 instance in 1 wave` })
  })

  it('reports an unreadable secret as a problem, not as a failure of the opening', async () => {
    const lack = { reason: 'secret_unavailable' as const, message: 'deploy Landfall again' }
    const { plan } = await planOf({
      app: shop({ secrets: 'landfall/shop' }),
      ports: {
        readSecretKeys: async () => fail(lack),
        readSecretVersion: async () => failedSecret('secret_unavailable'),
      },
    })
    expect(plan.would).toBe('fail: secret_unavailable')
  })

  it('says that a waiting commit goes on waiting while its secret is refused', async () => {
    const lack = { reason: 'secret_refused' as const, message: 'deploy Landfall again' }
    const { plan } = await planOf({
      app: shop({ secrets: 'landfall/shop' }),
      waiting: [revisionAt(1)],
      ports: {
        readSecretKeys: async () => fail(lack),
        readSecretVersion: async () => failedSecret('secret_refused'),
      },
    })
    expect(plan).toMatchObject({ ok: false, would: 'wait: secret_refused' })
  })

  it('reports a missing image before the failure of the opening', async () => {
    const { plan } = await planOf({
      known: [revisionAt(1)],
      wanted: commitAt(1),
      fleets: [[]],
      ports: { images: refusing('image_missing') },
    })
    expect(plan.would).toBe('fail: image_missing')
  })
})

it('creates each target once, for the opening and for the look', async () => {
  const { made } = await planOf({ app: shop({ targets: [ec2(), ec2({ key: keyAt(1) })] }) })
  expect(made).toEqual(['ec2', 'ec2'])
})

it('plans waves of at most as many instances as one command can hold', async () => {
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

it('plans no predeploy on a service of Render, even where it comes first', async () => {
  const render = renderTarget()
  const fleets = [[InstanceId.parse('srv-1')], [instanceAt(1)]]
  const { contexts } = await planOf({ app: shop({ targets: [render, ec2()] }), fleets })
  expect(contexts.map(({ predeployOn }) => predeployOn)).toEqual([instanceAt(1), instanceAt(1)])
})

it('plans predeploy on the first instance of the first target that has any', async () => {
  const fleets = [[], [instanceAt(1), instanceAt(2)]]
  const app = shop({ targets: [ec2(), ec2({ key: keyAt(1) })] })
  const { plan, contexts } = await planOf({ app, fleets, head: live(4, 1).head })
  const released = { generation: 1, digest: digestAt(4) }
  expect(contexts).toMatchObject([
    { opened: [], predeployOn: instanceAt(1), live: released },
    { opened: [{ wave: 0 }, { wave: 1 }], predeployOn: instanceAt(1), live: released },
  ])
  expect(contexts.map(({ before }) => before?.key ?? null)).toEqual([keyAt(0), null])
  expect(plan.instances.map(({ id, target, wave }) => [id, target, wave])).toEqual([
    [instanceAt(1), 1, 0],
    [instanceAt(2), 1, 1],
  ])
})

it('lists problems first, then warnings, then the rest', async () => {
  const { plan } = await planOf({ fleets: [[]], head: begin({}).head })
  expect(plan.findings.map(({ level }) => level)).toEqual([
    'problem',
    'warning',
    'fine',
    'fine',
    'fine',
  ])
})
