import { expect, it } from 'vitest'
import { createEvidenceJournal } from '../../src/journal/evidence.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { createHistory, createPast } from '../../src/journal/history.ts'
import { createPageAccess } from '../../src/journal/page-access.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { createSeen } from '../../src/journal/seen.ts'
import { Fence, Generation, newToken } from '../../src/kernel/id.ts'
import { hashToken } from '../../src/page/access.ts'
import { answerPage } from '../../src/page/page.ts'
import { deploying, live } from '../support/core.ts'
import { after, lettings, start } from '../support/deployments.ts'
import { commitAt, silent } from '../support/examples.ts'
import { useJournal } from '../support/journal-table.ts'

// What a page asks DynamoDB for, call by call: its role (packaging/roles.yml) grants no more.

const journal = await useJournal()
const { table } = journal
const app = lettings.name
const history = createHistory(table)
const past = createPast(table)
const access = createPageAccess(table)
const token = newToken()

const services = {
  stage: 'prod',
  apiUrl: 'https://page.example',
  apps: [lettings],
  access,
  heads: createHeads(table),
  revisions: createRevisions(table),
  seen: createSeen(table),
  past,
  history,
  invoke: () => Promise.reject(new Error('nothing is invoked')),
  clock: () => new Date(after(100)),
  log: silent,
}

const ask = async (path: string, cookie: string | null, method = 'GET') => {
  journal.operations.length = 0
  const event = {
    rawPath: path,
    requestContext: { http: { method } },
    headers: { origin: 'https://page.example', host: 'page.example' },
    cookies: cookie === null ? [] : [`__Host-landfall=${cookie}`],
  }
  const { statusCode } = await answerPage(event, () => services)
  return { statusCode, operations: journal.operations.toSorted() }
}

const { deployment: first } = live(1, 1).stored
const core = deploying()

await services.heads.record({ ...core.stored, version: Fence.parse(1) }, 0)
const push = { kind: 'push', pushedAt: start, origin: null } as const
const evidence = createEvidenceJournal(table)
await evidence.recordEvidence(app, commitAt(5), commitAt(5), push, start)
const endsAt = after(1000)
const hash = hashToken(token)
await access.recordSession({ hash, role: 'view', by: 'ada', at: start, endsAt })

it.each([
  ['/', ['GetItem', 'GetItem']],
  [`/app/${app}`, ['BatchGetItem', 'GetItem', 'GetItem', 'GetItem', 'Query', 'Query', 'Query']],
  [`/app/${app}/2`, ['GetItem', 'GetItem', 'GetItem', 'Query']],
])('%s costs %j with a session, and writes nothing', async (path, operations) => {
  expect(await ask(path, token)).toEqual({ statusCode: 200, operations })
})

it.each([
  [null, []],
  ['x', []],
  [newToken(), ['GetItem']],
])('the page costs no more without one: %s, %j', async (cookie, operations) => {
  for (const path of ['/', `/app/${app}`, `/app/${app}/2`])
    expect(await ask(path, cookie)).toEqual({ statusCode: 401, operations })
  // Any program can send this `Origin`.
  expect(await ask(`/app/${app}`, cookie, 'POST')).toEqual({ statusCode: 401, operations })
  expect(await ask('/leave', cookie, 'POST')).toEqual({ statusCode: 303, operations })
})

it('lists ended deployments page by page, the newest first, and finds one', async () => {
  expect(first).toBeNull()
  const open = core.stored.deployment
  if (open === null) throw new Error('no deployment')
  const ended = (number: number) => ({
    ...open,
    generation: Generation.parse(number),
    phase: 'ended' as const,
    status: 'failed' as const,
    reason: 'unhealthy' as const,
    message: null,
    endedAt: after(60),
    rolledBackBy: null,
  })
  for (const number of [1, 2, 3, 10]) await history.recordDeployment(app, ended(number))
  const numbers = async (limit: number, before: number | null) =>
    (await past.list(app, limit, before === null ? null : Generation.parse(before))).map(
      ({ generation }) => generation,
    )
  expect(await numbers(3, null)).toEqual([10, 3, 2])
  expect(await numbers(2, 10)).toEqual([3, 2])
  expect(await numbers(2, 4)).toEqual([3, 2])
  expect(await numbers(5, 1)).toEqual([])
  expect(await past.load(app, Generation.parse(3))).toMatchObject({ generation: 3 })
  expect(await past.load(app, Generation.parse(4))).toBeNull()
})
