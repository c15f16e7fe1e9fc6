import { createHash } from 'node:crypto'
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import type { Behaviour } from '../../local/docker/images.ts'
import { toRepositoryId } from '../../local/team/signed-delivery.ts'
import {
  aList,
  anyWith,
  aText,
  containersOf,
  expectDeployed,
  neverUp,
  openStage,
  patientHealth,
  textLike,
  toCommit,
  waitUntilQuiet,
  waitUntilStarted,
  type Stage,
} from '../support/end-to-end.ts'
import { waitFor } from '../support/wait.ts'

const app = 'e2e-operators'
const hub = 'e2e-operators-hub'
const secret = 'landfall/local/e2e-operators'
let stage: Stage

beforeAll(async () => {
  stage = await openStage({
    secrets: { [secret]: { API_KEY: 'the first api key' } },
    apps: {
      [app]: {
        settings: { secrets: secret, env: { DEBUG: 'False' } },
        ec2: { health: patientHealth },
      },
      [hub]: { settings: { image: 'acme/e2e-hub' } },
    },
  })
})
afterAll(() => stage?.close())

const redeploy = (input: Readonly<Record<string, unknown>>): Promise<unknown> =>
  stage.team.operators.invoke('redeploy', { app, ...input })

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

test('hooks shows what to enter at GitHub and Docker Hub', async () => {
  const all = await stage.operate('hooks', {})
  const api = stage.team.stack.apiAddress
  const github = (name: string) => ({
    sender: 'GitHub',
    page: `https://github.com/acme/${name}/settings/hooks/new`,
    url: `${api}/hooks/github`,
    contentType: 'application/json',
    events: ['Pushes', 'Workflow runs'],
    secret: 'the value of the secret landfall/local/github',
  })
  const dockerHub = anyWith({
    sender: 'Docker Hub',
    url: textLike(new RegExp(`^${api}/hooks/docker-hub/${hub}/[0-9a-f]{64}$`)),
  })
  expect(all).toEqual([
    { app, hooks: [github(app)] },
    { app: hub, hooks: [github(hub), dockerHub] },
  ])
  expect(await stage.team.operators.invoke('hooks', { app })).toEqual([
    { app, hooks: [github(app)] },
  ])
})

test('webhook accepts the URL that hooks shows', async () => {
  const Hooks = z.array(z.object({ hooks: z.array(z.object({ url: z.string() })) }))
  const told = Hooks.parse(await stage.team.operators.invoke('hooks', { app: hub }))
  const url = told[0]?.hooks[1]?.url ?? ''
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ push_data: { tag: 'v1' }, repository: { repo_name: 'acme/e2e-hub' } }),
  })
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ reason: 'tag_not_deployed' })
})

test('redeploy has nothing to do before the first deployment', async () => {
  expect(await stage.operate('redeploy', { app })).toEqual({
    outcome: 'refused',
    reason: 'nothing_live',
    message: aText,
  })
})

test.each<[Readonly<Record<string, unknown>>, string, string]>([
  [{ app: 'nobody' }, 'app_unknown', `"nobody" is none of: ${app}, ${hub}.`],
  [{}, 'input_invalid', 'app: '],
  [{ app, revision: 'main' }, 'input_invalid', 'revision: '],
  [{ app, forced: true }, 'input_invalid', 'forced'],
])('redeploy refuses %j with its reason', async (input, reason, message) => {
  const refused = await stage.team.operators.invoke('redeploy', input)
  expect(refused).toMatchObject({ outcome: 'refused', reason })
  expect(refused).toMatchObject({ message: textLike(message) })
})

/** The commit is pushed and its CI ends green while the app is frozen. */
const expectHeld = async (version: string, behaviour: Partial<Behaviour> = {}): Promise<void> => {
  const reason = 'exams until Friday'
  expect(await stage.operate('freeze', { app, reason, by: 'ada' })).toEqual({
    outcome: 'accepted',
    reason: 'frozen',
    app,
    message: aText,
  })
  await stage.push(app, version, behaviour)
  await stage.endCi(app, version)
  // What reconcile would open is open then.
  await waitUntilQuiet(stage)
  const revision = toCommit(version)
  expect(await stage.team.operators.invoke('status', { app })).toMatchObject({
    frozen: { reason, by: 'ada' },
    open: null,
    waiting: [{ revision, reason: 'app_frozen' }],
  })
}

const unfreeze = async (): Promise<void> =>
  expect(await stage.operate('unfreeze', { app, by: 'ada' })).toEqual({
    outcome: 'accepted',
    reason: 'unfrozen',
    app,
    message: aText,
  })

test('freeze holds a pushed commit, and unfreeze deploys it', async () => {
  await expectHeld('one')
  expect(await containersOf(app)).toEqual([])
  await unfreeze()
  expectDeployed(await stage.nextDeployment(app), { generation: 1, commit: toCommit('one') })
  expect(await stage.ask(app)).toBe('one')
})

test('redeploy deploys the live digest again with the current secret', async () => {
  expect(await stage.ask(app, '/setting?name=API_KEY')).toBe(sha256('the first api key'))
  const before = await containersOf(app)
  const SecretString = JSON.stringify({ API_KEY: 'the second api key' })
  const order = new PutSecretValueCommand({ SecretId: secret, SecretString })
  await new SecretsManagerClient(stage.team.stack.client).send(order)
  expect(await redeploy({})).toMatchObject({
    outcome: 'accepted',
    reason: 'requested',
    app,
    revision: toCommit('one'),
  })
  const again = await stage.nextDeployment(app)
  const { live, deployments } = await stage.team.operators.status(app)
  expectDeployed(again, { kind: 'redeploy', commit: toCommit('one') })
  expect(again.digest).toBe(deployments.at(-1)?.digest)
  expect(live).toMatchObject({ generation: 2, digest: again.digest })
  expect(await containersOf(app)).not.toEqual(before)
  expect(await stage.ask(app, '/setting?name=API_KEY')).toBe(sha256('the second api key'))
})

test('redeploy of a commit requires its CI, or force', async () => {
  await stage.push(app, 'two')
  const revision = toCommit('two')
  expect(await redeploy({ revision })).toMatchObject({ outcome: 'refused', reason: 'ci_missing' })
  const forced = await stage.operate('redeploy', { app, revision, force: true, by: 'ada' })
  expect(forced).toMatchObject({ outcome: 'accepted', reason: 'requested', revision })
  const deployment = await stage.nextDeployment(app)
  expectDeployed(deployment, { kind: 'redeploy', by: 'ada' })
  expect(await stage.ask(app)).toBe('two')
  // Back to what CI was green for needs no force.
  const back = await redeploy({ revision: toCommit('one'), by: 'grace' })
  expect(back).toMatchObject({ outcome: 'accepted' })
  expectDeployed(await stage.nextDeployment(app))
  expect(await stage.ask(app)).toBe('one')
})

test('status shows that redeploy of a commit without an image is refused', async () => {
  const revision = toCommit('no image')
  expect(await redeploy({ revision, force: true })).toMatchObject({ reason: 'requested' })
  const refusal = async () => (await stage.team.operators.status(app)).request?.refusal
  await waitFor('the request is refused', async () => (await refusal()) !== null)
  expect(await refusal()).toBe('revision_unknown')
})

test('status shows what is live, what was before, and each step', async () => {
  const Shown = z.object({
    apps: z.array(z.looseObject({ app: z.string(), deployments: z.array(z.unknown()) })),
  })
  const { apps } = Shown.parse(await stage.operate('status', {}))
  expect(apps.map((one) => one.app)).toEqual([app, hub])
  expect(apps[1]).toMatchObject({ live: null, open: null, waiting: [], deployments: [] })
  const release = { commit: toCommit('one'), digest: textLike(/^sha256:/) }
  const deployments = apps[0]?.deployments
  expect(apps[0]).toEqual({
    app,
    live: {
      generation: 4,
      secretVersion: aText,
      origin: anyWith({ title: aText }),
      promotedFrom: null,
      ...release,
    },
    before: anyWith({ generation: 3, commit: toCommit('two') }),
    releases: aList,
    open: null,
    waiting: [],
    moved: [],
    repository: { id: toRepositoryId(stage.repositoryOf(app)), renamed: null, refused: null },
    request: anyWith({ refusal: 'revision_unknown' }),
    takeBack: null,
    frozen: null,
    quarantine: [],
    alarmsUntil: null,
    owed: [],
    converging: [],
    instances: [{ id: 'i-00000001', serves: 4, reason: null, asOf: aText }],
    operations: aList,
    proxy: anyWith({ digest: textLike(/^sha256:/) }),
    renewal: null,
    deployments: aList,
  })
  expect(deployments?.[0]).toMatchObject({
    generation: 4,
    kind: 'redeploy',
    by: 'grace',
    status: 'succeeded',
    reason: 'deployed',
    instances: [
      {
        id: 'i-00000001',
        status: 'succeeded',
        serving: { generation: 4, digest: release.digest },
        reason: 'deployed',
        message: 'generation 4 is live',
      },
    ],
  })
  expect(await stage.team.operators.invoke('status', { app: 'nobody' })).toMatchObject({
    reason: 'app_unknown',
  })
  expect(await stage.team.operators.invoke('status', { name: app })).toMatchObject({
    reason: 'input_invalid',
  })
})

test('the live release serves while freeze holds a commit, and unfreeze opens its deployment', async () => {
  await expectHeld('stuck', neverUp)
  expect(await containersOf(app)).toEqual([`landfall-${app}.4`])
  expect(await stage.ask(app)).toBe('one')
  await unfreeze()
  await waitUntilStarted(app, 5)
})

test('redeploy during a deployment names it or is refused', async () => {
  expect(await redeploy({})).toMatchObject({ outcome: 'refused', reason: 'deployment_open' })
  expect(await redeploy({ revision: toCommit('stuck') })).toMatchObject({
    outcome: 'accepted',
    reason: 'deployment_open',
    generation: 5,
  })
})

test('cancel ends the open deployment, and the live release serves', async () => {
  expect(await stage.operate('cancel', { app })).toEqual({
    outcome: 'accepted',
    reason: 'requested',
    app,
    message: aText,
  })
  expect(await stage.nextDeployment(app)).toMatchObject({
    generation: 5,
    status: 'cancelled',
    reason: 'cancelled',
  })
  expect(await containersOf(app)).toEqual([`landfall-${app}.4`])
  expect(await stage.ask(app)).toBe('one')
})

test('rollback by sls names both releases and restores the earlier one', async () => {
  const order = { app, by: 'ada', requestId: 'incident-17' }
  expect(await stage.invokeBySls('rollback', order)).toEqual({
    outcome: 'accepted',
    reason: 'requested',
    app,
    takesBack: 4,
    to: { generation: 3, commit: toCommit('two'), digest: textLike(/^sha256:/) },
    message: aText,
  })
  const deployment = await stage.nextDeployment(app)
  expectDeployed(deployment, { generation: 6, kind: 'rollback', by: 'ada' })
  expect(await stage.ask(app)).toBe('two')
})
