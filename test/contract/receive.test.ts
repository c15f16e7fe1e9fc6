import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { receive } from '../../src/delivery/receive.ts'
import { createFindApps } from '../../src/delivery/find-apps.ts'
import { AppName } from '../../src/kernel/id.ts'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createRepositories } from '../../src/journal/repositories.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { dockerHubToken } from '../../src/sources/docker-hub.ts'
import { appOf, commit, configurationOf } from '../support/apps.ts'
import { githubAppBody, oauthBody } from '../support/circleci-events.ts'
import { silent } from '../support/examples.ts'
import { pushBody, runBody } from '../support/github-events.ts'
import { startJournal, type TestJournal } from '../support/journal-table.ts'
import {
  circleciRequest,
  createReceiving,
  dockerHubRequest,
  dockerHubSecret,
  githubRequest,
} from '../support/receiving.ts'
import { dockerHubPush } from '../support/vectors.ts'

const app = AppName.parse('oc-lettings')
const push = githubRequest('push', pushBody())
const run = githubRequest('workflow_run', runBody())
const image = dockerHubRequest(app, dockerHubToken(dockerHubSecret, app), dockerHubPush)

let database: TestJournal

beforeEach(async () => {
  database = await startJournal()
})

afterEach(async () => {
  await database.stop()
})

/** Each request of the SDK is sent once, so that one fault is one failure. */
const receiving = () => {
  const apps = [appOf('oc-lettings'), appOf('oc-lettings-staging', { branch: 'next' })]
  const table = database.connect(1)
  return createReceiving(
    {
      journal: createEvidenceJournal(table),
      findApps: createFindApps(createRepositories(table), apps, silent),
    },
    configurationOf(...apps),
  )
}

describe('what is received', () => {
  it.each([
    { order: [push, run, image] },
    { order: [image, run, push] },
    { order: [run, run, image, push, image] },
  ])('becomes one revision with all its evidence, whatever comes first', async ({ order }) => {
    const { services } = receiving()
    for (const request of order) {
      expect((await receive(request, services)).statusCode).toBeLessThan(300)
    }
    expect(await createRevisions(database.table).loadWaiting(app)).toMatchObject([
      {
        id: commit,
        commit,
        status: 'waiting',
        ci: { 'github:CI': { conclusion: 'success', runNumber: 7, attempt: 1 } },
        push: { pushedAt: '2026-11-20T10:00:00.000Z' },
        image: { tag: commit },
      },
    ])
  })

  it.each([
    { order: [run, circleciRequest(oauthBody())] },
    { order: [circleciRequest(githubAppBody()), run] },
  ])('from two CI is kept of each, in either order', async ({ order }) => {
    const requires = [
      { kind: 'ci', ci: 'github', workflow: 'CI' },
      { kind: 'ci', ci: 'circleci', workflow: 'ci' },
    ] as const
    const { services } = createReceiving(
      { journal: createEvidenceJournal(database.connect(1)) },
      configurationOf(appOf('oc-lettings', { requires })),
    )
    for (const request of order) expect((await receive(request, services)).statusCode).toBe(202)
    for (const request of order) expect((await receive(request, services)).statusCode).toBe(200)
    expect(await createRevisions(database.table).loadWaiting(app)).toMatchObject([
      {
        ci: {
          'github:CI': { conclusion: 'success', createdAt: '2026-11-20T10:00:00.000Z' },
          'circleci:ci': { conclusion: 'success', createdAt: '2026-11-20T09:58:00.000Z' },
        },
      },
    ])
  })

  it('lets a re-run of CircleCI overrule, and not what it overruled', async () => {
    const { services } = createReceiving(
      { journal: createEvidenceJournal(database.connect(1)) },
      configurationOf(
        appOf('oc-lettings', { requires: [{ kind: 'ci', ci: 'circleci', workflow: 'ci' }] }),
      ),
    )
    const red = circleciRequest(oauthBody({ workflow: { status: 'failed' } }))
    const workflow = { id: 'again', created_at: '2026-11-20T09:59:00.000Z' }
    const green = circleciRequest(oauthBody({ workflow }))
    const statuses: number[] = []
    for (const request of [red, green, red, green])
      statuses.push((await receive(request, services)).statusCode)
    expect(statuses).toEqual([202, 202, 200, 200])
    expect(await createRevisions(database.table).loadWaiting(app)).toMatchObject([
      { ci: { 'circleci:ci': { conclusion: 'success', createdAt: '2026-11-20T09:58:00.000Z' } } },
    ])
  })

  it('costs two requests of the database, and one where it is ignored', async () => {
    const { services } = receiving()
    await receive(push, services)
    expect(database.operations.splice(0).slice(0, 4)).toEqual([
      'GetItem',
      'GetItem',
      'UpdateItem',
      'UpdateItem',
    ])
    await receive(run, services)
    expect(database.operations.splice(0)).toEqual(['UpdateItem', 'PutItem'])
    const elsewhere = { id: 9, full_name: 'acme/x' }
    for (const ignored of [
      githubRequest('issues', {}),
      githubRequest('push', pushBody({ ref: 'refs/heads/feature' })),
      githubRequest('workflow_run', runBody({}, { repository: elsewhere })),
    ]) {
      await receive(ignored, services)
      expect(database.operations.splice(0)).toEqual(['PutItem'])
    }
  })

  it('is refused where another repository has the name of the first one', async () => {
    const { services } = receiving()
    await receive(push, services)
    const repository = { id: 2, full_name: 'acme/oc-lettings' }
    const sha = 'f'.repeat(40)
    const changes = { head_sha: sha, head_repository: repository }
    const stranger = githubRequest('workflow_run', runBody(changes, { repository }))
    for (const { services: again } of [{ services }, receiving()]) {
      const { statusCode, body } = await receive(stranger, again)
      expect({ statusCode, ...JSON.parse(body) }).toMatchObject({
        statusCode: 200,
        outcome: 'ignored',
        reason: 'repository_unknown',
      })
    }
    const waiting = await createRevisions(database.table).loadWaiting(app)
    expect(waiting.map(({ id }) => id)).toEqual([commit])
    const known = await createRepositories(database.table).load(app)
    expect(known).toMatchObject({ id: 1, refused: { id: 2 } })
  })

  it('counts under the new name of the repository', async () => {
    const { services } = receiving()
    await receive(push, services)
    const repository = { id: 1, full_name: 'umbrella/lettings' }
    const changes = { head_repository: repository }
    const moved = githubRequest('workflow_run', runBody(changes, { repository }))
    expect((await receive(moved, services)).statusCode).toBe(202)
    expect(await createRevisions(database.table).loadWaiting(app)).toMatchObject([
      { id: commit, ci: { 'github:CI': { conclusion: 'success' } } },
    ])
  })

  it('costs none where it is not verified', async () => {
    const { services } = receiving()
    const forged = { ...push, body: Buffer.from(`${push.body.toString()} `) }
    expect((await receive(forged, services)).statusCode).toBe(401)
    expect(database.operations).toEqual([])
  })
})

describe('a database that fails', () => {
  it.each([
    { at: 'the repository', faults: ['request_lost'] as const, again: 202, known: false },
    { at: 'the evidence', faults: ['request_lost'] as const, again: 202, known: true },
    { at: 'the answer to the evidence', faults: ['answer_lost'] as const, again: 200, known: true },
  ])('at $at is 503, and the delivery sent again is taken', async ({ faults, again, known }) => {
    const { services, nudges } = receiving()
    if (known) await receive(githubRequest('push', pushBody({ ref: 'refs/tags/v1' })), services)
    database.faults.push(...faults)
    expect((await receive(push, services)).statusCode).toBe(503)
    expect(nudges).toEqual([])
    expect((await receive(push, services)).statusCode).toBe(again)
    expect(nudges).toEqual([`${app} ${commit}`])
    expect(await createRevisions(database.table).loadWaiting(app)).toHaveLength(1)
  })
  it('with a table that is not there is a mistake of ours and no 503', async () => {
    const journal = createEvidenceJournal({ ...database.connect(1), name: 'landfall-gone' })
    const { services } = createReceiving({ journal })
    await expect(receive(push, services)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
  })
})
