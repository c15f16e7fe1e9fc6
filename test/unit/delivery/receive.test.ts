import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { receive, type ReceiveServices } from '../../../src/delivery/receive.ts'
import type { HookRequest } from '../../../src/delivery/request.ts'
import type { Configuration } from '../../../src/deployment/app.ts'
import { DeliveryId } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { dockerHubToken } from '../../../src/sources/docker-hub.ts'
import { appOf, commit, configurationOf } from '../../support/apps.ts'
import { githubAppBody, jobBody, oauthBody, signCircleci } from '../../support/circleci-events.ts'
import { pushBody, runBody, signGithub } from '../../support/github-events.ts'
import {
  circleciRequest,
  circleciSecret,
  createReceiving,
  dockerHubRequest,
  dockerHubSecret,
  githubRequest,
  githubSecret,
  requestOf,
  secretsOf,
} from '../../support/receiving.ts'
import { dockerHubPush, githubExamples } from '../../support/vectors.ts'

const app = 'oc-lettings'
const token = dockerHubToken(dockerHubSecret, app)
const down = () => Promise.reject(new Retryable('ECONNREFUSED'))
const none = async () => fail('secret_unavailable' as const)

const withHeaders = (request: HookRequest, headers: Readonly<Record<string, string>>) => ({
  ...request,
  headers: new Map([...request.headers, ...Object.entries(headers)]),
})
const without = (request: HookRequest, header: string) => ({
  ...request,
  headers: new Map([...request.headers].filter(([name]) => name !== header)),
})
const formOf = (body: unknown): HookRequest => {
  const form = Buffer.from(new URLSearchParams({ payload: JSON.stringify(body) }).toString())
  return {
    ...withHeaders(githubRequest('push', body), {
      'content-type': 'application/x-www-form-urlencoded',
      'x-hub-signature-256': signGithub(githubSecret, form),
    }),
    body: form,
  }
}
const rawOf = (bytes: Buffer): HookRequest => ({
  ...withHeaders(githubRequest('push', {}), {
    'x-hub-signature-256': signGithub(githubSecret, bytes),
  }),
  body: bytes,
})

const push = githubRequest('push', pushBody())
const run = githubRequest('workflow_run', runBody())
const circle = circleciRequest(oauthBody())
const hub = dockerHubRequest(app, token, dockerHubPush)
const hubOf = (tag: string, repository = 'acme/oc-lettings') =>
  dockerHubRequest(app, token, { push_data: { tag }, repository: { repo_name: repository } })

const buildRequired = configurationOf(
  appOf(app, { requires: [{ kind: 'ci', ci: 'circleci', workflow: 'ci' }, { kind: 'image' }] }),
)

const all = ['evidence', 'receipt', 'nudge']
const kept = ['receipt']
const nothing: readonly string[] = []

interface Row {
  readonly what: string
  readonly request: HookRequest
  readonly services?: Partial<ReceiveServices>
  readonly configuration?: Configuration
  readonly status: number
  readonly reason: string
  readonly shown?: string
  readonly calls: readonly string[]
}

/** The contract of `receive`: the answers, and the calls before each. */
const rows = (
  status: number,
  calls: readonly string[],
  list: readonly (readonly [what: string, request: HookRequest, reason: string])[],
): readonly Row[] =>
  list.map(([what, request, reason]) => ({ what, request, status, reason, calls }))

const accepted: readonly Row[] = [
  ...rows(202, all, [
    ['a push', push, 'recorded'],
    ['a green run', run, 'recorded'],
    ['a red run', githubRequest('workflow_run', runBody({ conclusion: 'failure' })), 'recorded'],
    ['a push as a form', formOf(pushBody()), 'recorded'],
    ['a pushed image', hub, 'recorded'],
  ]),
  ...rows(202, all, [
    ['a green workflow of CircleCI', circle, 'recorded'],
    ['one by its GitHub App', circleciRequest(githubAppBody()), 'recorded'],
    ['a red one', circleciRequest(oauthBody({ workflow: { status: 'failed' } })), 'recorded'],
  ]).map((row) => ({ ...row, configuration: buildRequired })),
]

const ignored: readonly Row[] = rows(200, kept, [
  ['a ping', githubRequest('ping', { zen: '' }), 'ping'],
  ['an event of no interest', githubRequest('issues', { action: 'opened' }), 'event_ignored'],
  [
    'a run that goes on',
    githubRequest('workflow_run', runBody({}, { action: 'requested' })),
    'event_ignored',
  ],
  [
    'another repository',
    githubRequest('push', pushBody({ repository: { id: 2, full_name: 'acme/x' } })),
    'repository_unknown',
  ],
  [
    'another branch',
    githubRequest('push', pushBody({ ref: 'refs/heads/next' })),
    'branch_not_deployed',
  ],
  ['a pushed tag', githubRequest('push', pushBody({ ref: 'refs/tags/main' })), 'tag_pushed'],
  [
    'a deleted branch',
    githubRequest('push', pushBody({ deleted: true, after: '0'.repeat(40) })),
    'branch_deleted',
  ],
  [
    'a run of a fork',
    githubRequest('workflow_run', runBody({ head_repository: { id: 2 } })),
    'not_a_push',
  ],
  [
    'a run of a pull request',
    githubRequest('workflow_run', runBody({ event: 'pull_request' })),
    'not_a_push',
  ],
  [
    'a run of another branch',
    githubRequest('workflow_run', runBody({ head_branch: 'next' })),
    'branch_not_deployed',
  ],
  [
    'a run of another workflow',
    githubRequest('workflow_run', runBody({ path: 'x.yml' }, { workflow: { name: 'Lint' } })),
    'workflow_not_required',
  ],
  ['the test ping of CircleCI', circleciRequest({ type: 'ping', webhook: {} }), 'ping'],
  ['the end of a job', circleciRequest(jobBody), 'event_ignored'],
  [
    'a workflow of a fork',
    circleciRequest(oauthBody({ vcs: { origin_repository_url: 'https://github.com/evil/x' } })),
    'not_a_push',
  ],
  [
    'a workflow of a pull request',
    circleciRequest(githubAppBody({ circleci: { event_type: 'pull_request' } })),
    'not_a_push',
  ],
  [
    'a workflow on a schedule',
    circleciRequest(oauthBody({ pipeline: { trigger: { type: 'schedule' } } })),
    'not_a_push',
  ],
  [
    'a workflow of another branch',
    circleciRequest(oauthBody({ vcs: { branch: 'next' } })),
    'branch_not_deployed',
  ],
  ['a workflow of CircleCI that no app requires', circle, 'workflow_not_required'],
  ['another image', hubOf(commit, 'acme/x'), 'repository_unknown'],
  ['another tag', hubOf('latest'), 'tag_not_deployed'],
])

const unverified: readonly Row[] = rows(401, nothing, [
  ['no signature', without(push, 'x-hub-signature-256'), 'signature_missing'],
  ['an empty signature', withHeaders(push, { 'x-hub-signature-256': '' }), 'signature_missing'],
  [
    'the signature of another body',
    withHeaders(push, { 'x-hub-signature-256': signGithub(githubSecret, '{}') }),
    'signature_invalid',
  ],
  [
    'the signature of another secret',
    withHeaders(push, { 'x-hub-signature-256': signGithub('guessed', push.body) }),
    'signature_invalid',
  ],
  [
    'a signature sent twice',
    withHeaders(push, {
      'x-hub-signature-256': `${signGithub(githubSecret, push.body)},${signGithub(githubSecret, push.body)}`,
    }),
    'signature_invalid',
  ],
  ['no body', { ...push, body: Buffer.alloc(0) }, 'signature_invalid'],
  ['a signed body that is not UTF-8', rawOf(Buffer.from([0x22, 0xff, 0x22])), 'signature_invalid'],
  ['CircleCI without a signature', without(circle, 'circleci-signature'), 'signature_missing'],
  [
    'CircleCI with the secret of GitHub',
    withHeaders(circle, { 'circleci-signature': signCircleci(githubSecret, circle.body) }),
    'signature_invalid',
  ],
  [
    'CircleCI with a version of before',
    withHeaders(circle, {
      'circleci-signature': signCircleci(circleciSecret, circle.body).replace('v1', 'v0'),
    }),
    'signature_invalid',
  ],
  [
    'what GitHub signed, sent as from CircleCI',
    { ...push, path: '/hooks/circleci' },
    'signature_missing',
  ],
  ['a wrong token', dockerHubRequest(app, 'a'.repeat(64), dockerHubPush), 'token_invalid'],
  [
    'an app that is not there',
    dockerHubRequest('gone', dockerHubToken(dockerHubSecret, 'gone'), dockerHubPush),
    'token_invalid',
  ],
]).map((row) => ({ ...row, shown: 'unverified' }))

const refused: readonly Row[] = [
  ...rows(400, nothing, [
    ['a signed body that is no JSON', rawOf(Buffer.from('{')), 'malformed'],
    ['a push without a commit', githubRequest('push', pushBody({ after: 'HEAD' })), 'malformed'],
    ['no event name', without(push, 'x-github-event'), 'malformed'],
    ['a push called a run', withHeaders(push, { 'x-github-event': 'workflow_run' }), 'malformed'],
    ['half a workflow', circleciRequest(oauthBody({ body: { pipeline: undefined } })), 'malformed'],
    ['an image without a tag', dockerHubRequest(app, token, {}), 'malformed'],
  ]),
  ...rows(404, nothing, [
    ['another path', requestOf({ path: '/hooks/gitlab' }), 'path_unknown'],
    ['another method', { ...push, method: 'GET' }, 'path_unknown'],
  ]),
  ...rows(413, nothing, [
    ['1 MiB and a byte', rawOf(Buffer.alloc(1024 * 1024 + 1, 0x20)), 'body_too_large'],
  ]),
  ...rows(415, nothing, [
    [
      'another content type',
      withHeaders(push, { 'content-type': 'text/plain' }),
      'content_type_unsupported',
    ],
    ['no content type', without(push, 'content-type'), 'content_type_unsupported'],
    [
      'a form from CircleCI',
      withHeaders(circle, { 'content-type': 'application/x-www-form-urlencoded' }),
      'content_type_unsupported',
    ],
    [
      'a form from Docker Hub',
      withHeaders(hub, { 'content-type': 'application/x-www-form-urlencoded' }),
      'content_type_unsupported',
    ],
  ]),
]

const unavailable: readonly Row[] = [
  ...rows(503, nothing, [
    ['a delivery without a secret to verify it', push, 'secret_unavailable'],
    ['a delivery of a source that is not configured', circle, 'secret_unavailable'],
  ]).map((row) => ({ ...row, services: { secrets: { load: none, refresh: none } } })),
  ...rows(503, nothing, [
    ['a push whose evidence the journal does not take', push, 'journal_unavailable'],
  ]).map((row) => ({
    ...row,
    services: { journal: { recordEvidence: down, recordReceipt: async () => {} } },
  })),
  // Its evidence is there, so it is acted on.
  ...rows(
    503,
    ['nudge'],
    [['a push whose receipt the journal does not take', push, 'journal_unavailable']],
  ).map((row) => ({
    ...row,
    services: { journal: { recordEvidence: async () => 'recorded' as const, recordReceipt: down } },
  })),
]

describe.each([
  { outcome: 'accepted', rows: accepted },
  { outcome: 'ignored', rows: ignored },
  { outcome: 'rejected', rows: [...unverified, ...refused, ...unavailable] },
])('receive: $outcome deliveries', ({ outcome, rows }) => {
  it.each(rows)('answers $status $reason to $what', async (row) => {
    const { request, services, configuration, ...expected } = row
    const { services: all, calls, lines } = createReceiving(services, configuration)
    const response = await receive(request, all)
    const answer: unknown = JSON.parse(response.body)
    expect(response.statusCode).toBe(expected.status)
    expect(answer).toEqual({
      outcome,
      reason: expected.shown ?? expected.reason,
      ...idOf(answer),
    })
    expect('retry-after' in response.headers).toBe(expected.status === 503)
    expect(calls).toEqual(expected.calls)
    const { status, reason } = expected
    const level = status === 503 ? 'warn' : 'info'
    const line = { level, message: 'delivery answered', status, reason, ...idOf(answer) }
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject(line)
  })
})

const idOf = (answer: unknown) => z.object({ deliveryId: DeliveryId }).parse(answer)

describe('receive', () => {
  it('answers 200 to a replayed body under a new delivery id, and nudges again', async () => {
    const { services, nudges, receipts, evidence } = createReceiving()
    await receive(push, services)
    const replayed = withHeaders(push, { 'x-github-delivery': 'another' })
    const response = await receive(replayed, services)
    expect(response.statusCode).toBe(200)
    expect(response.body).toContain('"outcome":"ignored","reason":"duplicate"')
    expect(nudges).toEqual([`${app} ${commit}`, `${app} ${commit}`])
    expect(evidence.size).toBe(1)
    expect(receipts.map(({ reason, senderId }) => [reason, senderId])).toEqual([
      ['recorded', '11111111-2222-4333-8444-555555555555'],
      ['duplicate', 'another'],
    ])
  })

  it('records the same push from two hooks once', async () => {
    const { services, evidence } = createReceiving()
    const statuses = [await receive(push, services), await receive(formOf(pushBody()), services)]
    expect(statuses.map(({ statusCode }) => statusCode)).toEqual([202, 200])
    expect(evidence.size).toBe(1)
  })

  it('replaces evidence by that of a later attempt, never by that of an earlier one', async () => {
    const { services, evidence } = createReceiving()
    const attempts = [
      runBody({ run_attempt: 2, conclusion: 'success' }),
      runBody({ run_attempt: 1, conclusion: 'failure' }),
    ]
    const statuses: number[] = []
    for (const body of attempts) {
      statuses.push((await receive(githubRequest('workflow_run', body), services)).statusCode)
    }
    expect(statuses).toEqual([202, 200])
    expect([...evidence.values()]).toMatchObject([{ evidence: { conclusion: 'success' } }])
  })

  it('records a repeated CircleCI delivery once, and a re-run as a newer attempt', async () => {
    const { services, evidence } = createReceiving({}, buildRequired)
    const bodies = [
      oauthBody({ workflow: { status: 'failed' } }),
      oauthBody({ workflow: { status: 'failed' }, body: { id: 'another' } }),
      oauthBody({ workflow: { id: 'rerun', created_at: '2026-11-20T09:59:00.000Z' } }),
      oauthBody({ workflow: { status: 'failed' } }),
    ]
    const statuses: number[] = []
    for (const body of bodies)
      statuses.push((await receive(circleciRequest(body), services)).statusCode)
    expect(statuses).toEqual([202, 200, 202, 200])
    expect([...evidence.values()]).toMatchObject([
      { evidence: { conclusion: 'success', createdAt: '2026-11-20T09:58:00.000Z' } },
    ])
  })

  it('answers 202 where a nudge fails, and still nudges the other apps', async () => {
    const tried: string[] = []
    const nudge = async (name: string) => {
      tried.push(name)
      throw new Error('TooManyRequests')
    }
    const apps = configurationOf(appOf('one'), appOf('two'))
    const { services, lines } = createReceiving({ nudge }, apps)
    expect((await receive(push, services)).statusCode).toBe(202)
    expect(tried).toEqual(['one', 'two'])
    expect(lines.filter((line) => line.includes('failed to nudge reconcile'))).toHaveLength(2)
  })

  it('records the fields of a delivery and the hash of its bytes for 30 days', async () => {
    const { services, receipts } = createReceiving()
    await receive(formOf(pushBody()), services)
    expect(receipts).toMatchObject([
      {
        source: 'github',
        receivedAt: '2026-11-20T10:00:30.000Z',
        expiresAt: '2026-12-20T10:00:30.000Z',
        bodyHash: createHash('sha256').update(formOf(pushBody()).body).digest('hex'),
        parsed: { kind: 'push', commit },
      },
    ])
    expect(JSON.stringify(receipts)).not.toContain('head_commit')
  })

  it('accepts a signature under the previous secret for a day', async () => {
    const rotated = async () => succeed(secretsOf('new', githubSecret, '2026-11-20T09:00:00.000Z'))
    const removed = async () => succeed(secretsOf('new', null, '2026-11-20T09:00:00.000Z'))
    const during = createReceiving({ secrets: { load: rotated, refresh: rotated } })
    const ended = createReceiving({ secrets: { load: removed, refresh: removed } })
    expect((await receive(push, during.services)).statusCode).toBe(202)
    expect((await receive(push, ended.services)).statusCode).toBe(401)
    expect(ended.calls).toEqual([])
  })

  it('verifies with a secret that was rotated after the last read', async () => {
    const { services } = createReceiving({
      secrets: {
        load: async () => succeed(secretsOf('old')),
        refresh: async () => succeed(secretsOf(githubSecret, 'old')),
      },
    })
    expect((await receive(push, services)).statusCode).toBe(202)
  })

  it('logs the source of a delivery where it is known', async () => {
    const { services, lines } = createReceiving()
    const requests = [push, hub, { ...push, path: '/hooks/circleci' }, { ...push, path: '/' }]
    for (const request of requests) await receive(request, services)
    const Line = z.object({ source: z.string().nullable() })
    const sources = lines.map((line) => Line.parse(JSON.parse(line)).source)
    expect(sources).toEqual(['github', 'docker-hub', 'circleci', null])
  })

  it('logs the failure of the journal as an error', async () => {
    const journal = { recordEvidence: down, recordReceipt: down }
    const { services, lines } = createReceiving({ journal })
    await receive(push, services)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toContain('"level":"error","message":"failed to reach journal"')
    expect(lines[0]).toContain('"source":"github"')
  })

  it.each([
    new TypeError('undefined is not a function'),
    Object.assign(new Error('no such table'), { name: 'ResourceNotFoundException' }),
  ])('throws a bug (%s) instead of answering that the journal is unavailable', async (bug) => {
    const crash = () => Promise.reject(bug)
    const { services, lines } = createReceiving({
      journal: { recordEvidence: crash, recordReceipt: crash },
    })
    await expect(receive(push, services)).rejects.toBe(bug)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('"level":"error","message":"failed to record delivery"')
  })

  it('cuts a long id of the sender, and accepts a delivery without one', async () => {
    const { services, receipts } = createReceiving()
    await receive(withHeaders(push, { 'x-github-delivery': 'x'.repeat(101) }), services)
    await receive(without(push, 'x-github-delivery'), services)
    expect(receipts.map(({ senderId }) => senderId)).toEqual(['x'.repeat(100), null])
  })

  it('neither logs nor answers a secret or a token', async () => {
    const { services, lines, receipts } = createReceiving()
    const wrong = 'f'.repeat(64)
    const requests = [
      hub,
      dockerHubRequest(app, wrong, dockerHubPush),
      { ...hub, path: `${hub.path}/` },
      { ...hub, method: 'GET' },
    ]
    const responses = []
    for (const request of requests) responses.push(await receive(request, services))
    const said = JSON.stringify([lines, receipts, responses])
    for (const secret of [token, wrong, dockerHubSecret]) expect(said).not.toContain(secret)
  })
})

describe('every example payload of GitHub', () => {
  const configuration = configurationOf(
    appOf('hello', { repository: 'Codertocat/Hello-World', branch: 'master' }),
  )

  it('answers every example payload of GitHub, and records evidence only for a push to the branch', async () => {
    const { services, evidence, receipts } = createReceiving({}, configuration)
    for (const { name, body } of githubExamples) {
      const response = await receive(githubRequest(name, body), services)
      expect([200, 202]).toContain(response.statusCode)
    }
    expect(receipts).toHaveLength(githubExamples.length)
    expect([...evidence.values()]).toEqual([
      {
        app: 'hello',
        revision: '6113728f27ae82c7b1a177c8d03f9e96e0adf246',
        commit: '6113728f27ae82c7b1a177c8d03f9e96e0adf246',
        evidence: {
          kind: 'push',
          pushedAt: '2019-05-15T15:20:57.000Z',
          origin: {
            title: 'Initial commit',
            author: 'Codertocat',
            login: 'Codertocat',
            runUrl: null,
            compareUrl:
              'https://github.com/Codertocat/Hello-World/commit/6113728f27ae82c7b1a177c8d03f9e96e0adf246',
          },
        },
      },
    ])
  })

  it('writes nothing for an unsigned example payload of GitHub', async () => {
    const { services, calls } = createReceiving({}, configuration)
    for (const { name, body } of githubExamples) {
      const request = without(githubRequest(name, body), 'x-hub-signature-256')
      expect((await receive(request, services)).statusCode).toBe(401)
    }
    expect(calls).toEqual([])
  })
})

describe('receive: webhook activity', () => {
  it.each([
    ['a push', push, ['push']],
    ['a run', run, ['ci_run']],
    ['a pushed image', hub, ['image']],
    ['a push of a tag', githubRequest('push', pushBody({ ref: 'refs/tags/main' })), ['push']],
  ])('records the webhook activity of %s', async (_what, request, expected) => {
    const { services, seen } = createReceiving()
    await receive(request, services)
    expect(seen).toEqual(expected)
  })

  it.each([
    ['is not signed', without(run, 'x-hub-signature-256')],
    ['is signed with another secret', withHeaders(run, { 'x-hub-signature-256': 'sha256=00' })],
    ['carries a wrong token', dockerHubRequest(app, 'guessed', dockerHubPush)],
  ])('records no webhook activity of a delivery that %s', async (_what, request) => {
    const { services, seen } = createReceiving()
    await receive(request, services)
    expect(seen).toEqual([])
  })
})
