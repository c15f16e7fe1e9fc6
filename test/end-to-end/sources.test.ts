import { createHmac, randomUUID } from 'node:crypto'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { encode, pushManifest, toRepository } from '../../local/docker/registry-push.ts'
import {
  sendToDockerHubHook,
  toRepositoryId,
  toWorkflowRun,
} from '../../local/team/signed-delivery.ts'
import {
  anyWith,
  expectDeployed,
  holdAgent,
  openStage,
  readRevision,
  scanJournal,
  toCommit,
  waitUntilOpen,
  waitUntilQuiet,
  type Stage,
} from '../support/end-to-end.ts'
import { waitFor } from '../support/wait.ts'
import { isFull } from '../support/size.ts'

const app = 'e2e-sources'
const imageOnly = 'e2e-sources-image'
const latest = 'e2e-sources-latest'
let stage: Stage
let secret = ''

beforeAll(async () => {
  stage = await openStage({
    apps: {
      [app]: {},
      ...(isFull ? { [imageOnly]: { settings: { requires: ['image'] } } } : {}),
      [latest]: { settings: { requires: ['image'], tag: 'latest' } },
    },
  })
  const order = new GetSecretValueCommand({ SecretId: 'landfall/local/github' })
  const client = new SecretsManagerClient(stage.team.stack.client)
  secret = (await client.send(order)).SecretString ?? ''
})
afterAll(() => stage?.close())

interface Sent {
  readonly event?: string
  readonly form?: boolean
  readonly key?: string
  readonly id?: string
}

const Answer = z.object({ outcome: z.string(), reason: z.string(), deliveryId: z.string() })

/** A delivery as GitHub sends it, in either of its content types. */
const send = async (
  body: string,
  { event = 'workflow_run', form = false, key = secret, id = randomUUID() }: Sent = {},
) => {
  const bytes = form ? new URLSearchParams({ payload: body }).toString() : body
  const response = await fetch(`${stage.team.stack.apiAddress}/hooks/github`, {
    method: 'POST',
    body: bytes,
    headers: {
      'content-type': form ? 'application/x-www-form-urlencoded' : 'application/json',
      'x-github-event': event,
      'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(bytes).digest('hex')}`,
    },
  })
  return { status: response.status, ...Answer.parse(await response.json()) }
}

let runs = 100
const toRun = (version: string): string => {
  runs += 1
  const branch = { branch: 'main', workflow: 'CI', runNumber: runs }
  return toWorkflowRun({
    ...branch,
    repository: stage.repositoryOf(app),
    commit: toCommit(version),
  })
}

const toPush = (version: string, ref = 'refs/heads/main'): string =>
  JSON.stringify({
    ref,
    after: toCommit(version),
    deleted: false,
    repository: {
      id: toRepositoryId(stage.repositoryOf(app)),
      full_name: stage.repositoryOf(app),
      pushed_at: Math.floor(Date.now() / 1000),
    },
  })

/** Once its pushes are told, a commit counts only with one. */
const pushCommit = async (version: string): Promise<void> => {
  const push = await send(toPush(version), { event: 'push' })
  expect(push).toMatchObject({ status: 202, reason: 'recorded' })
}

const announce = (name: string, tag: string) =>
  stage.team.announceImage(name, stage.repositoryOf(name), tag)

const waitingOf = async (name: string) => (await stage.team.operators.status(name)).waiting

const expectServed = async (name: string, version: string): Promise<void> => {
  expectDeployed(await stage.nextDeployment(name))
  expect(await stage.ask(name)).toBe(version)
}

test('webhook answers a ping, and status shows what a pushed commit still lacks', async () => {
  const ping = await send(JSON.stringify({ zen: 'Keep it logically awesome.', hook_id: 1 }), {
    event: 'ping',
  })
  expect(ping).toMatchObject({ status: 200, outcome: 'ignored', reason: 'ping' })
  const push = await send(toPush('one'), { event: 'push' })
  expect(push).toMatchObject({ status: 202, outcome: 'accepted', reason: 'recorded' })
  expect(await waitingOf(app)).toEqual([
    anyWith({
      revision: toCommit('one'),
      lacks: ['github workflow CI'],
      reason: 'evidence_missing',
    }),
  ])
})

test('the hook of Docker Hub deploys a commit whose CI was green first', async () => {
  expect(await send(toRun('one'))).toMatchObject({ status: 202, reason: 'recorded' })
  const lacksImage = async () => (await waitingOf(app))[0]?.lacks[0] === 'image'
  await waitFor('the commit lacks nothing but its image', lacksImage)
  await stage.push(app, 'one')
  // No clock looks here: whatever happens now is the hook's doing.
  expect(await announce(app, toCommit('one'))).toMatchObject({ status: 202, reason: 'recorded' })
  await expectServed(app, 'one')
})

/** The delivery of the next test, and what its first two were answered. */
let deliver = (): ReturnType<typeof send> => Promise.reject(new Error('not sent yet'))
let answers: Awaited<ReturnType<typeof send>>[] = []

test('a form-encoded hook deploys a commit whose image came first', async () => {
  await pushCommit('two')
  await stage.push(app, 'two')
  expect(await announce(app, toCommit('two'))).toMatchObject({ status: 202, reason: 'recorded' })
  expect(await waitingOf(app)).toEqual([
    anyWith({ revision: toCommit('two'), lacks: ['github workflow CI'] }),
  ])
  const body = toRun('two')
  const sent = { id: randomUUID(), form: true }
  deliver = () => send(body, sent)
  answers = await Promise.all([deliver(), deliver()])
  const ended = answers.find(({ status }) => status === 202)
  expect(ended).toMatchObject({ outcome: 'accepted', reason: 'recorded' })
  await expectServed(app, 'two')
})

test('two simultaneous equal deliveries are one deployment', async () => {
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 202])
  expect(await deliver()).toMatchObject({ status: 200, reason: 'duplicate' })
  // What a replay would open is there then.
  await waitUntilQuiet(stage)
  const { deployments } = await stage.team.operators.status(app)
  expect(deployments.filter(({ commit }) => commit === toCommit('two'))).toHaveLength(1)
})

test('webhook answers 401 to a delivery with a wrong signature and records nothing', async () => {
  const before = await scanJournal(stage)
  for (const form of [false, true]) {
    const forged = await send(toRun('forged'), { key: 'guessed', form })
    expect(forged).toMatchObject({ status: 401, outcome: 'rejected', reason: 'unverified' })
  }
  const { apiAddress } = stage.team.stack
  const hint = await sendToDockerHubHook(
    apiAddress,
    'guessed',
    app,
    stage.repositoryOf(app),
    toCommit('forged'),
  )
  expect(hint).toMatchObject({ status: 401, reason: 'unverified' })
  expect(await scanJournal(stage)).toEqual(before)
})

test('a commit with red CI is not deployed, and another branch and tag are ignored', async () => {
  await pushCommit('red')
  await stage.push(app, 'red')
  const red = await stage.endCi(app, 'red', { conclusion: 'failure', runNumber: 200 })
  expect(red).toMatchObject({ status: 202, reason: 'recorded' })
  const isRefused = async () => (await readRevision(stage, app, 'red'))?.['status'] === 'refused'
  await waitFor('the red commit is refused', isRefused)
  expect(await readRevision(stage, app, 'red')).toMatchObject({ reason: 'ci_failed' })
  const elsewhere = await stage.endCi(app, 'red', { branch: 'feature', runNumber: 201 })
  expect(elsewhere).toMatchObject({ status: 200, reason: 'branch_not_deployed' })
  expect(await announce(app, 'v1')).toMatchObject({ status: 200, reason: 'tag_not_deployed' })
  expect(await stage.ask(app)).toBe('two')
})

/** Of the next tests: its image, the one that follows it under the tag, and what lets its deployment begin on the instance. */
let digest = ''
let moved = ''
let letGo = (): void => undefined

test('a tag with the name of the branch does not count until the branch is pushed', async () => {
  digest = await stage.push(app, 'tagged')
  const tag = await send(toPush('tagged', 'refs/tags/main'), { event: 'push' })
  expect(tag).toMatchObject({ status: 200, reason: 'tag_pushed' })
  // GitHub sends the run of the tag with head_branch main, as it does for the branch.
  expect(await send(toRun('tagged'))).toMatchObject({ status: 202, reason: 'recorded' })
  const lacking = { revision: toCommit('tagged'), lacks: ['a push to main'] }
  expect(await waitingOf(app)).toContainEqual(anyWith({ ...lacking, reason: 'evidence_missing' }))
  expect(await stage.ask(app)).toBe('two')
  letGo = await holdAgent(stage)
  await pushCommit('tagged')
  await waitUntilOpen(stage, app)
})

test('a tag that moves after the lookup changes nothing', async () => {
  moved = await stage.team.pushImage(stage.repositoryOf(app), toCommit('tagged'), {
    VERSION: 'moved',
  })
  expect(moved).not.toBe(digest)
  letGo()
  const deployment = await stage.nextDeployment(app)
  expectDeployed(deployment, { digest })
  expect(await stage.ask(app)).toBe('tagged')
})

test('a push of the tag of what is live is told, and redeploy brings it out', async () => {
  const commit = toCommit('tagged')
  expect(await announce(app, commit)).toMatchObject({ status: 202, reason: 'recorded' })
  const movedOf = async () => (await stage.team.operators.status(app)).moved
  await waitFor('status shows that the tag names another image', async () => {
    return (await movedOf()).length > 0
  })
  expect(await movedOf()).toEqual([anyWith({ revision: commit, digest: moved })])
  expect(await stage.ask(app)).toBe('tagged')
  await stage.team.operators.invoke('redeploy', { app, revision: commit })
  await expectServed(app, 'moved')
  expect(await movedOf()).toEqual([])
})

/** Pushes an image and an index that names it, as a build for several machines does. */
const pushIndex = async (version: string): Promise<string> => {
  const image = await stage.push(app, version)
  const name = `${stage.team.registry}/${stage.repositoryOf(app)}`
  const bytes = Buffer.from(await (await fetchManifest('GET', image)).arrayBuffer())
  const type = 'application/vnd.oci.image.index.v1+json'
  const platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }
  const mediaType = 'application/vnd.docker.distribution.manifest.v2+json'
  const manifests = [{ mediaType, digest: image, size: bytes.length, platform }]
  const index = encode({ schemaVersion: 2, mediaType: type, manifests })
  await pushManifest(toRepository(name, null), toCommit(version), index, type)
  return image
}

const fetchManifest = async (method: string, reference: string) => {
  const url = `http://${stage.team.registry}/v2/${stage.repositoryOf(app)}/manifests/${reference}`
  const accept = 'application/vnd.docker.distribution.manifest.v2+json'
  const response = await fetch(url, { method, headers: { accept } })
  expect(response.ok).toBe(true)
  return response
}

test('an index whose image is gone is not sent to an instance, and goes out by itself once it was pushed again', async () => {
  const image = await pushIndex('indexed')
  await fetchManifest('DELETE', image)
  await pushCommit('indexed')
  const newest = async () => (await stage.team.operators.status(app)).deployments[0]?.generation
  const before = await newest()
  expect(await send(toRun('indexed'))).toMatchObject({ status: 202, reason: 'recorded' })
  const isHeld = async () => (await waitingOf(app))[0]?.reason === 'image_gone'
  await waitFor('the commit waits for its image', isHeld)
  expect(await waitingOf(app)).toEqual([
    anyWith({ revision: toCommit('indexed'), lacks: ['image'], reason: 'image_gone' }),
  ])
  expect(await newest()).toBe(before)
  const plan = JSON.stringify(await stage.team.operators.invoke('plan', { app }))
  expect(plan).toContain('wait: image_gone')
  expect(plan).toContain(`the registry no longer has ${image}`)
  await pushIndex('indexed')
  expect(await announce(app, toCommit('indexed'))).toMatchObject({ status: 202 })
  await expectServed(app, 'indexed')
})

/** In the usual size the next test shows it of a fixed tag. */
if (isFull)
  test('an app that requires only its image deploys an image under a commit', async () => {
    await stage.push(imageOnly, 'alone')
    expect(await announce(imageOnly, toCommit('alone'))).toMatchObject({ status: 202 })
    await expectServed(imageOnly, 'alone')
  })

test('each new digest under a fixed tag is a revision', async () => {
  const push = (version: string): Promise<string> =>
    stage.team.pushImage(stage.repositoryOf(latest), 'latest', { VERSION: version })
  for (const version of ['monday', 'tuesday']) {
    const digest = await push(version)
    expect(await announce(latest, 'latest')).toMatchObject({ status: 202, reason: 'recorded' })
    const deployment = await stage.nextDeployment(latest)
    expectDeployed(deployment, { digest, commit: null })
    expect(await stage.ask(latest)).toBe(version)
  }
})
