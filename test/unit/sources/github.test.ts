import { describe, expect, it } from 'vitest'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { githubSource, isSignedByGithub } from '../../../src/sources/github.ts'
import type { Delivery } from '../../../src/sources/source.ts'
import { commit } from '../../support/apps.ts'
import { pushBody, runBody, signGithub } from '../../support/github-events.ts'
import { now, secretsOf } from '../../support/receiving.ts'
import { githubExamples, signatureVectors } from '../../support/vectors.ts'

const secret = 'mysecret'
const secrets = secretsOf(secret)

const deliveryOf = (
  event: string,
  body: string | Uint8Array,
  { signature, contentType }: { signature?: string; contentType?: string } = {},
): Delivery => ({
  headers: new Map([
    ['x-github-event', event],
    ['x-hub-signature-256', signature ?? signGithub(secret, body)],
  ]),
  contentType: contentType ?? 'application/json',
  body: Buffer.from(body),
  path: null,
})

const verify = (event: string, body: unknown) =>
  githubSource.verify(deliveryOf(event, JSON.stringify(body)), secrets, now)

describe('isSignedByGithub', () => {
  it.each(signatureVectors.github)('accepts the published signature of $body', async (vector) => {
    expect(await isSignedByGithub([vector.secret], Buffer.from(vector.body), vector.value)).toBe(
      true,
    )
  })

  it('accepts the signature of any of the secrets', async () => {
    const body = Buffer.from('{}')
    expect(await isSignedByGithub(['new', 'old'], body, signGithub('old', body))).toBe(true)
    expect(await isSignedByGithub(['new'], body, signGithub('old', body))).toBe(false)
    expect(await isSignedByGithub([], body, signGithub('old', body))).toBe(false)
  })

  it('refuses a body with any byte flipped', async () => {
    const body = Buffer.from(JSON.stringify(pushBody({ message: 'déjà vu' })))
    const signature = signGithub(secret, body)
    for (let at = 0; at < body.length; at++) {
      const tampered = Buffer.from(body)
      tampered.writeUInt8(tampered.readUInt8(at) ^ 1, at)
      expect(await isSignedByGithub([secret], tampered, signature)).toBe(false)
    }
  })

  it('refuses a signature with any character changed, cut, doubled or in upper case', async () => {
    const body = Buffer.from('{"foo":"bar"}')
    const signature = signGithub(secret, body)
    const changed = Array.from(
      signature,
      (digit, at) => signature.slice(0, at) + (digit === '0' ? '1' : '0') + signature.slice(at + 1),
    )
    const cut = Array.from(signature, (_, at) => signature.slice(0, at))
    const others = [`${signature},${signature}`, `sha256=${signature}`, signature.toUpperCase()]
    for (const wrong of [...changed, ...cut, ...others]) {
      expect(await isSignedByGithub([secret], body, wrong)).toBe(false)
    }
  })

  it('refuses bytes that are not UTF-8, though they decode to a body that was signed', async () => {
    const signed = Buffer.from('{"a":"\uFFFD"}')
    const forged = Buffer.from([...Buffer.from('{"a":"'), 0xff, ...Buffer.from('"}')])
    expect(forged.toString('utf8')).toBe(signed.toString('utf8'))
    expect(await isSignedByGithub([secret], signed, signGithub(secret, signed))).toBe(true)
    expect(await isSignedByGithub([secret], forged, signGithub(secret, signed))).toBe(false)
    expect(await isSignedByGithub([secret], forged, signGithub(secret, forged))).toBe(false)
  })

  it('refuses an empty body, signature and secret, for which the library throws', async () => {
    const body = Buffer.from('{}')
    expect(await isSignedByGithub([secret], Buffer.alloc(0), signGithub(secret, ''))).toBe(false)
    expect(await isSignedByGithub([secret], body, '')).toBe(false)
    expect(await isSignedByGithub([''], body, signGithub('', body))).toBe(false)
  })
})

describe('verify, GitHub', () => {
  it('refuses a delivery whose signature is for another body', async () => {
    const signature = signGithub(secret, 'another')
    const delivery = deliveryOf('push', JSON.stringify(pushBody()), { signature })
    expect(await githubSource.verify(delivery, secrets, now)).toEqual(fail('signature_invalid'))
  })

  it('answers signature_missing to a missing and to a SHA-1 signature', async () => {
    const delivery = deliveryOf('push', '{}')
    const headers = new Map([['x-hub-signature', 'sha1=aa']])
    const verified = await githubSource.verify({ ...delivery, headers }, secrets, now)
    expect(verified).toEqual(fail('signature_missing'))
  })

  it('accepts the previous GitHub secret for a day', async () => {
    const delivery = deliveryOf('ping', '{"zen":""}')
    const rotated = secretsOf('new', secret, '2026-11-20T10:00:00.000Z')
    const during = await githubSource.verify(delivery, rotated, '2026-11-21T09:59:59.000Z')
    const after = await githubSource.verify(delivery, rotated, '2026-11-21T10:00:00.000Z')
    expect([during, after]).toEqual([succeed({ kind: 'ping' }), fail('signature_invalid')])
  })

  it('reads the form of a hook that the REST API created', async () => {
    const form = new URLSearchParams({ payload: JSON.stringify(pushBody()) }).toString()
    const contentType = 'application/x-www-form-urlencoded'
    const verified = await githubSource.verify(
      deliveryOf('push', form, { contentType }),
      secrets,
      now,
    )
    expect(verified).toMatchObject({ ok: true, value: { kind: 'push', commit } })
  })

  it.each([
    ['a form without payload', 'push', 'a=b', 'application/x-www-form-urlencoded'],
    ['a form whose payload is not JSON', 'push', 'payload=x', 'application/x-www-form-urlencoded'],
    ['JSON that is called a form', 'push', '{}', 'application/x-www-form-urlencoded'],
    ['a ping that is no JSON', 'ping', '{', 'application/json'],
    ['a ping in a form without payload', 'ping', 'a=b', 'application/x-www-form-urlencoded'],
    ['no JSON', 'push', '{', 'application/json'],
    ['no event name', '', '{}', 'application/json'],
    ['an event of no interest that is null', 'issues', 'null', 'application/json'],
    ['two event names', 'issues,issues', '{}', 'application/json'],
    ['an event name in upper case', 'Issues', '{}', 'application/json'],
    ['an event name with a space', ' issues', '{}', 'application/json'],
    ['a push with nothing in it', 'push', '{}', 'application/json'],
    ['a push that is null', 'push', 'null', 'application/json'],
    ['a run with nothing in it', 'workflow_run', '[]', 'application/json'],
  ])('answers malformed to %s', async (_what, event, body, contentType) => {
    const verified = await githubSource.verify(
      deliveryOf(event, body, { contentType }),
      secrets,
      now,
    )
    expect(verified).toEqual(fail('malformed'))
  })
})

describe('parseGithubEvent: a push', () => {
  it('parses a push: its ref, commit and time', async () => {
    expect(await verify('push', pushBody())).toEqual(
      succeed({
        kind: 'push',
        repository: 'acme/oc-lettings',
        repositoryId: 1,
        ref: 'refs/heads/main',
        commit,
        pushedAt: '2026-11-20T10:00:00.000Z',
        origin: {
          title: 'Add a search field',
          author: 'Ada Lovelace',
          login: 'ada',
          runUrl: null,
          compareUrl: 'https://github.com/acme/oc-lettings/compare/aaaaaaaaaaaa...0123456789ab',
        },
      }),
    )
  })

  it.each<[string, Record<string, unknown>, object | null]>([
    ['nothing', { compare: undefined, head_commit: undefined }, null],
    ['null', { compare: null, head_commit: null }, null],
    ['other types', { compare: 7, head_commit: [{ message: {} }] }, null],
    ['a script for a page', { compare: 'javascript:alert(1)', head_commit: null }, null],
    [
      'a message of 10,000 characters',
      { head_commit: { message: 'x y'.repeat(3334), author: 'ada' } },
      { title: `${'x y'.repeat(40).slice(0, 119)}…`, author: null, login: null },
    ],
  ])('counts a push that tells %s of its commit', async (_what, changes, origin) => {
    const verified = await verify('push', pushBody(changes))
    expect(verified).toMatchObject({ ok: true, value: { commit, origin } })
  })

  it('parses no commit for a deleted branch', async () => {
    const verified = await verify('push', pushBody({ deleted: true, after: '0'.repeat(40) }))
    expect(verified).toMatchObject({ ok: true, value: { commit: null } })
  })

  it('accepts a ref of 1,000 characters and no longer one', async () => {
    const ref = `refs/heads/${'x'.repeat(989)}`
    expect(await verify('push', pushBody({ ref }))).toMatchObject({ value: { ref } })
    expect(await verify('push', pushBody({ ref: `${ref}x` }))).toEqual(fail('malformed'))
  })

  it('parses no time where the time of a push cannot be read', async () => {
    const repository = { id: 1, full_name: 'acme/oc-lettings', pushed_at: 'yesterday' }
    const verified = await verify('push', pushBody({ repository }))
    expect(verified).toMatchObject({ ok: true, value: { pushedAt: null } })
  })
})

describe('parseGithubEvent: a repository', () => {
  it.each(['acme', '../..', 'acme/..', './x', 'acme/shop/x', 'acme/shop?', 'acme/%2e%2e', ''])(
    'answers malformed to the name %j, which is none at GitHub',
    async (name) => {
      const body = pushBody({ repository: { id: 1, full_name: name, pushed_at: 1 } })
      expect(await verify('push', body)).toEqual(fail('malformed'))
    },
  )

  it.each([-1, 1.5, 2 ** 53, '1', null])('answers malformed to the id %j', async (id) => {
    const repository = { id, full_name: 'acme/oc-lettings', pushed_at: 1 }
    expect(await verify('push', pushBody({ repository }))).toEqual(fail('malformed'))
    expect(await verify('workflow_run', runBody({}, { repository }))).toEqual(fail('malformed'))
  })
})

describe('parseGithubEvent: the end of a run', () => {
  it('parses the end of a GitHub run', async () => {
    expect(await verify('workflow_run', runBody())).toEqual(
      succeed({
        kind: 'ci_run',
        ci: 'github',
        repository: 'acme/oc-lettings',
        repositoryId: 1,
        branch: 'main',
        commit,
        isPush: true,
        workflow: 'CI',
        workflowPath: '.github/workflows/ci.yml',
        projectId: null,
        runId: '30433642',
        runNumber: 7,
        attempt: 1,
        createdAt: '2026-11-20T10:00:00.000Z',
        conclusion: 'success',
        origin: {
          title: 'Add a search field',
          author: 'Ada Lovelace',
          login: 'ada',
          runUrl: 'https://github.com/acme/oc-lettings/actions/runs/30433642',
          compareUrl: null,
        },
      }),
    )
  })

  it('takes the title of a run without a commit message, and no login from the actor of the run', async () => {
    const head_commit = { message: null, author: { name: 'Ada', email: 'ada@example.com' } }
    const verified = await verify('workflow_run', runBody({ head_commit }))
    const origin = { title: 'Add a search field', author: 'Ada', login: null }
    expect(verified).toMatchObject({ ok: true, value: { origin } })
  })

  it.each<[string, Record<string, unknown>]>([
    ['nothing', { display_title: undefined, html_url: undefined, head_commit: undefined }],
    ['null', { display_title: null, html_url: null, head_commit: null }],
    ['other types', { display_title: 7, html_url: {}, head_commit: 'x' }],
    [
      'hostile texts',
      {
        display_title: '\u202E\u0000\u001B[2J',
        html_url: 'https://github.com.evil.example/acme/oc-lettings/actions/runs/1',
        head_commit: { message: [], author: { name: '\u2066', email: 'x'.repeat(10_000) } },
      },
    ],
  ])('counts a run that tells %s of its commit', async (_what, run) => {
    const verified = await verify('workflow_run', runBody(run))
    expect(verified).toMatchObject({
      ok: true,
      value: { isPush: true, conclusion: 'success', origin: null },
    })
  })

  it.each([
    ['a fork', { head_repository: { id: 2 } }],
    ['a fork that was deleted', { head_repository: null }],
    ['a pull request', { event: 'pull_request' }],
    ['a pull request with the rights of the base', { event: 'pull_request_target' }],
    ['a schedule', { event: 'schedule' }],
    ['a person', { event: 'workflow_dispatch' }],
  ])('does not take a run started by %s for a push', async (_who, run) => {
    const verified = await verify('workflow_run', runBody(run))
    expect(verified).toMatchObject({ ok: true, value: { isPush: false } })
  })

  it.each(['failure', 'cancelled', 'skipped', 'neutral', 'timed_out', 'stale', null])(
    'parses the conclusion %s as not green',
    async (conclusion) => {
      const verified = await verify('workflow_run', runBody({ conclusion }))
      expect(verified).toMatchObject({ ok: true, value: { conclusion: 'failure' } })
    },
  )

  it('names a run by its workflow, not by its title', async () => {
    const verified = await verify('workflow_run', runBody({ name: 'Fix the door' }))
    expect(verified).toMatchObject({ ok: true, value: { workflow: 'CI' } })
  })

  it('parses a run of an old server, without workflow, path and attempt', async () => {
    const run = { name: 'Tests', path: undefined, run_attempt: undefined }
    const verified = await verify('workflow_run', runBody(run, { workflow: undefined }))
    expect(verified).toMatchObject({ value: { workflow: 'Tests', workflowPath: null, attempt: 1 } })
    const unnamed = runBody({ name: null, path: null, head_branch: null }, { workflow: null })
    expect(await verify('workflow_run', unnamed)).toMatchObject({
      value: { workflow: '', workflowPath: null, branch: '' },
    })
  })

  it('parses the path of the workflow without the ref', async () => {
    const path = '.github/workflows/ci.yml@refs/heads/main'
    const verified = await verify('workflow_run', runBody({ path }))
    expect(verified).toMatchObject({ value: { workflowPath: '.github/workflows/ci.yml' } })
  })

  it('ignores a requested run, and other events that contain a run', async () => {
    const requested = runBody({ status: 'queued', conclusion: null }, { action: 'requested' })
    expect(await verify('workflow_run', requested)).toEqual(
      succeed({ kind: 'other', event: 'workflow_run.requested' }),
    )
    const created = { action: 'created', deployment: { id: 1 } }
    const deployment = runBody({ status: 'in_progress' }, created)
    expect(await verify('deployment', deployment)).toEqual(
      succeed({ kind: 'other', event: 'deployment' }),
    )
    expect(await verify('workflow_run', deployment)).toEqual(fail('malformed'))
    const unfinished = await verify('workflow_run', runBody({ status: 'in_progress' }))
    expect(unfinished).toMatchObject({ value: { kind: 'other' } })
  })

  it.each([
    ['a commit that is none', { head_sha: 'main' }],
    ['a broken number', { run_number: 1.5 }],
    ['a number below zero', { run_number: -1 }],
    ['a broken id', { id: 0.5 }],
    ['a broken attempt', { run_attempt: 1.5 }],
    ['a branch that is longer than any', { head_branch: 'x'.repeat(1001) }],
    ['an attempt below one', { run_attempt: 0 }],
    ['a time that is none', { created_at: 'today' }],
    ['no id', { id: null }],
  ])('refuses a run with %s', async (_what, run) => {
    expect(await verify('workflow_run', runBody(run))).toEqual(fail('malformed'))
  })
})

it('cuts the long name of an unknown event', async () => {
  const [long, cut] = ['x'.repeat(101), 'x'.repeat(100)]
  expect(await verify(long, {})).toEqual(succeed({ kind: 'other', event: cut }))
})

describe('parseGithubEvent: example payloads', () => {
  it.each(githubExamples)(
    'parses or ignores the example payload $name $index of GitHub',
    async (example) => {
      const verified = await verify(example.name, example.body)
      expect(verified.ok).toBe(true)
    },
  )

  it('refuses an example payload under the name of another event', async () => {
    const known = ['ping', 'push', 'workflow_run']
    for (const { name, body } of githubExamples) {
      const others = known.includes(name) ? [...known, 'issues'] : known
      for (const event of others.filter((other) => other !== name))
        expect([name, event, await verify(event, body)]).toEqual([name, event, fail('malformed')])
    }
  })
})

describe('parseGithubEvent: a signed body', () => {
  it.each([
    ['a push', 'push', pushBody()],
    ['a push that deletes', 'push', pushBody({ deleted: true, after: '0'.repeat(40) })],
    ['a run', 'workflow_run', runBody()],
    ['a run that goes on', 'workflow_run', runBody({}, { action: 'in_progress' })],
    ['a ping', 'ping', { zen: 'Design for failure.', hook_id: 1 }],
  ])('refuses the body of %s under every other event name', async (_what, name, body) => {
    expect(await verify(name, body)).toMatchObject({ ok: true })
    const others = ['ping', 'push', 'workflow_run', 'issues', 'deployment', 'deployment_review']
    for (const event of others.filter((other) => other !== name))
      expect([event, await verify(event, body)]).toEqual([event, fail('malformed')])
  })

  it('refuses a body with the fields of two kinds under every name', async () => {
    for (const body of [pushBody({ zen: '' }), { ...pushBody(), ...runBody() }])
      for (const event of ['ping', 'push', 'workflow_run', 'issues'])
        expect([event, await verify(event, body)]).toEqual([event, fail('malformed')])
  })

  it.each([
    ['of a deployment', { deployment: { id: 1 } }],
    ['of a review of a deployment', { action: 'requested', since: '2026-11-20T10:00:00Z' }],
  ])('does not take an event %s for a run', async (_what, more) => {
    const body = runBody({}, more)
    expect(await verify('workflow_run', body)).toEqual(fail('malformed'))
    expect(await verify('deployment', body)).toMatchObject({ value: { kind: 'other' } })
  })
})
