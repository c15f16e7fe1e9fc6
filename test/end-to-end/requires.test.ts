import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendToCircleciHook, toWorkflowCompleted } from '../../local/team/signed-delivery.ts'
import {
  anyWith,
  expectDeployed,
  openStage,
  readDeployment,
  readJournal,
  readRevision,
  scanJournal,
  textLike,
  toCommit,
  waitUntilQuiet,
  type Stage,
} from '../support/end-to-end.ts'
import { waitFor } from '../support/wait.ts'
import { isFull } from '../support/size.ts'

const circle = 'e2e-requires-circleci'
const both = 'e2e-requires-both'
const labelled = 'e2e-requires-latest'
const staging = 'e2e-requires-staging'
const production = 'e2e-requires-production'
const build = { ci: 'circleci', workflow: 'build-and-push' }
let stage: Stage

beforeAll(async () => {
  stage = await openStage({
    apps: {
      [circle]: { settings: { requires: [build, 'image'] } },
      [labelled]: { settings: { tag: 'latest' } },
      [both]: { settings: { requires: [{ ci: 'github', workflow: 'CI' }, build, 'image'] } },
      [staging]: { settings: { environment: 'staging', env: { STAGE: 'staging' } } },
      [production]: {
        sameAs: staging,
        settings: { deploy: 'manual', env: { STAGE: 'production' } },
      },
    },
  })
})
afterAll(() => stage?.close())

/** The workflow of CircleCI ended for this version. */
const endCircleci = (
  name: string,
  version: string,
  more: Partial<Parameters<Stage['team']['endCircleci']>[0]> = {},
) =>
  stage.team.endCircleci({
    repository: stage.repositoryOf(name),
    commit: toCommit(version),
    workflow: build.workflow,
    ...more,
  })

const waitingOf = async (name: string) => (await stage.team.operators.status(name)).waiting

const expectServed = async (name: string, version: string): Promise<void> => {
  expectDeployed(await stage.nextDeployment(name))
  expect(await stage.ask(name)).toBe(version)
}

test('webhook answers 401 to an unsigned CircleCI delivery and records nothing', async () => {
  const before = await scanJournal(stage)
  const forged = await sendToCircleciHook(
    stage.team.stack.apiAddress,
    'guessed',
    toWorkflowCompleted({
      repository: stage.repositoryOf(circle),
      branch: 'main',
      commit: toCommit('forged'),
      workflow: build.workflow,
      number: 400,
      by: 'oauth',
    }),
  )
  expect(forged).toMatchObject({ status: 401, outcome: 'rejected', reason: 'unverified' })
  await waitUntilQuiet(stage)
  expect(await scanJournal(stage)).toEqual(before)
})

const ways = ['oauth', 'github_app'] as const

test.runIf(isFull).each(ways)(
  'a workflow of CircleCI that ended green brings its commit out, by its %s',
  async (by) => {
    await stage.push(circle, by)
    const ended = await endCircleci(circle, by, { by })
    expect(ended).toMatchObject({ status: 202, outcome: 'accepted', reason: 'recorded' })
    await expectServed(circle, by)
  },
)

const expectWaiting = async (version: string, missing: string): Promise<void> =>
  expect(await waitingOf(both)).toEqual([
    anyWith({ revision: toCommit(version), lacks: [missing], reason: 'evidence_missing' }),
  ])

/** One commit of the app that requires both CI: red at CircleCI, then green, and at last green at GitHub. */
describe('a commit that two CI build', () => {
  test('a commit with a red CircleCI workflow is deployed once a re-run is green', async () => {
    await stage.push(both, 'flaky')
    const elsewhere = await endCircleci(both, 'flaky', { workflow: 'lint' })
    expect(elsewhere).toMatchObject({ status: 200, reason: 'workflow_not_required' })
    const pipeline = { number: 300, pipelineCreatedAt: new Date(), by: 'github_app' } as const
    const first = { ...pipeline, status: 'failed', createdAt: new Date() } as const
    expect(await endCircleci(both, 'flaky', first)).toMatchObject({ status: 202 })
    await waitFor('the red commit is refused', async () => {
      const revision = await readRevision(stage, both, 'flaky')
      return revision?.['status'] === 'refused'
    })
    const again = { ...pipeline, createdAt: new Date() }
    expect(await endCircleci(both, 'flaky', again)).toMatchObject({ reason: 'recorded' })
    // What CircleCI had failed to bring, and brings now: the older attempt changes nothing.
    expect(await endCircleci(both, 'flaky', first)).toMatchObject({ reason: 'duplicate' })
  })

  test('an app that requires both CI waits for the second: circleci-first', async () => {
    await expectWaiting('flaky', 'github workflow CI')
    expect(await stage.endCi(both, 'flaky')).toMatchObject({ status: 202, reason: 'recorded' })
    await expectServed(both, 'flaky')
  })
})

/** test/unit/rollout/requires.test.ts holds every order of whatever an app may require. */
test.runIf(isFull)('an app that requires both CI waits for the second: github-first', async () => {
  const version = 'github-first'
  await stage.push(both, version)
  expect(await stage.endCi(both, version)).toMatchObject({ status: 202, reason: 'recorded' })
  await expectWaiting(version, `circleci workflow ${build.workflow}`)
  expect(await endCircleci(both, version)).toMatchObject({ status: 202, reason: 'recorded' })
  await expectServed(both, version)
})

/** What a pipeline with `docker/metadata-action` pushes: latest, labelled with its commit. */
const pushLatest = (version: string, label: string | null = toCommit(version)): Promise<string> => {
  const labels = label === null ? {} : { 'org.opencontainers.image.revision': label }
  return stage.team.pushImage(stage.repositoryOf(labelled), 'latest', { VERSION: version }, labels)
}

const announce = () => stage.team.announceImage(labelled, stage.repositoryOf(labelled), 'latest')

const waitUntilKnown = (version: string) =>
  waitFor(`the commit of ${version} is known by its image`, async () => {
    const revision = await readRevision(stage, labelled, version)
    return revision?.['status'] === 'waiting'
  })

const expectLabelled = async (version: string, digest: string): Promise<void> => {
  expectDeployed(await stage.nextDeployment(labelled), { digest, commit: toCommit(version) })
  expect(await stage.ask(labelled)).toBe(version)
}

test('a green CI deploys the image under latest that names its commit', async () => {
  const digest = await pushLatest('monday')
  expect(await stage.endCi(labelled, 'monday')).toMatchObject({ status: 202, reason: 'recorded' })
  await expectLabelled('monday', digest)
})

/** Of a tag with the commit the usual size has it too: test/end-to-end/sources.test.ts. */
test.runIf(isFull)(
  'the hook of Docker Hub deploys an image under latest whose CI was green first',
  async () => {
    await stage.endCi(labelled, 'tuesday')
    const lacksImage = async () => (await waitingOf(labelled))[0]?.lacks[0] === 'image'
    await waitFor('the commit lacks nothing but its image', lacksImage)
    expect(await waitingOf(labelled)).toEqual([
      anyWith({ revision: toCommit('tuesday'), lacks: ['image'], reason: 'image_missing' }),
    ])
    const digest = await pushLatest('tuesday')
    expect(await announce()).toMatchObject({ status: 202, reason: 'recorded' })
    await expectLabelled('tuesday', digest)
  },
)

test('an image keeps its digest when latest moves on before its CI is green', async () => {
  const digest = await pushLatest('wednesday')
  await announce()
  await waitUntilKnown('wednesday')
  await pushLatest('thursday')
  await announce()
  await waitUntilKnown('thursday')
  await stage.endCi(labelled, 'wednesday')
  await expectLabelled('wednesday', digest)
  const labels = Object.keys((await readJournal(stage, `app#${labelled}`, 'tag')) ?? {})
  expect(labels).toContain(`label:${digest}`)
  expect(await stage.team.operators.status(labelled)).toMatchObject({
    waiting: [{ revision: toCommit('thursday'), lacks: ['github workflow CI'] }],
  })
})

test('an image without the label waits, and status shows the reason', async () => {
  await pushLatest('friday', null)
  await stage.endCi(labelled, 'friday')
  const isUnlabelled = async () =>
    (await waitingOf(labelled)).some(({ reason }) => reason === 'image_unlabelled')
  await waitFor('the image is found to have no label', isUnlabelled)
  expect(await waitingOf(labelled)).toContainEqual(
    anyWith({ revision: toCommit('friday'), lacks: ['image'], reason: 'image_unlabelled' }),
  )
  expect(await stage.ask(labelled)).toBe('wednesday')
})

const promote = (more: Readonly<Record<string, unknown>> = {}): Promise<unknown> =>
  stage.operate('redeploy', { app: production, from: staging, by: 'ada', ...more })

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

test('promotion has nothing to bring out before staging has deployed', async () => {
  expect(await promote()).toMatchObject({
    outcome: 'refused',
    reason: 'nothing_live',
    message: textLike(staging),
  })
})

test('a green commit is deployed on staging by itself, and on production by a word', async () => {
  const digest = await stage.push(staging, 'sunday')
  expect(await stage.endCi(staging, 'sunday')).toMatchObject({ status: 202, reason: 'recorded' })
  await expectServed(staging, 'sunday')
  const isManual = async () => (await waitingOf(production))[0]?.reason === 'manual'
  await waitFor('the commit waits for a person', isManual)
  await waitUntilQuiet(stage)
  expect(await stage.team.operators.invoke('status', { app: production })).toMatchObject({
    live: null,
    open: null,
    deployments: [],
    waiting: [
      {
        revision: toCommit('sunday'),
        lacks: [],
        reason: 'manual',
        liveOn: [{ app: staging, generation: 1 }],
        bringOut: `npx sls invoke -f redeploy --stage local -d '{"app":"${production}","from":"${staging}"}'`,
      },
    ],
  })
  expect(await stage.team.operators.invoke('plan', { app: production })).toMatchObject({
    ok: true,
    would: textLike(`^wait: .*live on ${staging} as #1`),
  })

  // Another image is under the commit's tag when the word comes.
  expect(await stage.push(staging, 'sunday', { VERSION: 'rebuilt' })).not.toBe(digest)
  expect(await promote()).toMatchObject({
    outcome: 'accepted',
    reason: 'requested',
    revision: toCommit('sunday'),
    promotedFrom: { app: staging, generation: 1 },
  })
  await expectServed(production, 'sunday')
  expect(await stage.ask(production, '/setting?name=STAGE')).toBe(sha256('production'))
  const origin = { app: staging, generation: 1 }
  expect(await stage.team.operators.invoke('status', { app: production })).toMatchObject({
    live: { generation: 1, digest, promotedFrom: origin },
    waiting: [],
    deployments: [{ kind: 'redeploy', by: 'ada', digest, promotedFrom: origin }],
  })
  expect(await readDeployment(stage, production, 1)).toMatchObject({
    release: { digest, commit: toCommit('sunday'), promotedFrom: origin },
  })
  expect(await readRevision(stage, production, 'sunday')).toMatchObject({ status: 'deployed' })
})

test('redeploy refuses to promote what is another image, and what it cannot find', async () => {
  const refusals: readonly [Readonly<Record<string, unknown>>, string, string][] = [
    [{ from: labelled }, 'image_differs', `${labelled} runs `],
    [{ from: 'nobody' }, 'app_unknown', '"nobody" is none of: '],
    [{ from: production }, 'input_invalid', 'from: must name another app'],
    [{ revision: toCommit('sunday') }, 'input_invalid', 'from: '],
  ]
  for (const [input, reason, message] of refusals)
    expect(await promote(input)).toMatchObject({
      outcome: 'refused',
      reason,
      message: textLike(message),
    })
  await stage.operate('freeze', { app: production, reason: 'exams' })
  expect(await promote()).toMatchObject({ outcome: 'refused', reason: 'app_frozen' })
  await stage.operate('unfreeze', { app: production })
  await waitUntilQuiet(stage)
  expect(await stage.ask(production)).toBe('sunday')
})
