import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import {
  onceFor,
  startVendor,
  type Answer,
  type Call,
  type Vendor,
} from '../../local/base/vendor.ts'
import type { ShownDeployment } from '../../local/team/operators.ts'
import {
  anyWith,
  containersOf,
  expectDeployed,
  expectFailed,
  openStage,
  quicken,
  readDeployment,
  readRevision,
  scanJournal,
  textLike,
  toCommit,
  type Stage,
} from '../support/end-to-end.ts'
import {
  findFiles,
  findIn,
  startSentry as startErrors,
  toTraces,
} from '../support/end-to-end-search.ts'
import { startGithub, type GithubServer } from '../support/github-server.ts'
import { withClock } from '../support/end-to-end-alarms.ts'
import { waitFor } from '../support/wait.ts'
import { startSentry, type SentryServer } from '../support/sentry-server.ts'

const app = 'e2e-reports'
/** Apps that other sources tell of their commits. */
const circle = 'e2e-reports-circle'
const hub = 'e2e-reports-hub'
/** Its secret is encrypted with a key of the customer's own. */
const locked = 'e2e-reports-locked'
const services = {
  [circle]: 'srv-e2ereportscircle',
  [hub]: 'srv-e2ereportshub',
  [locked]: 'srv-e2ereportslocked',
}
const lockedSecret = `landfall/local/${locked}`
const lockedKey = 'arn:aws:kms:eu-west-3:000000000000:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9'
const repository = `acme/${app}`
const names = {
  github: 'landfall/local/e2e-github-token',
  notice: 'landfall/local/e2e-notice',
  sentry: 'landfall/local/e2e-sentry',
}

const marker = (): string => randomBytes(12).toString('hex')
const markers = {
  'the token of GitHub': marker(),
  'the address of the notice': marker(),
  'the token of Sentry': marker(),
}
const dsnKey = randomBytes(16).toString('hex')
const traces = toTraces(markers)

const githubToken = `github_pat_${markers['the token of GitHub']}`
const sentryToken = `sntrys_${markers['the token of Sentry']}`
const noticePath = `/services/T000/B000/${markers['the address of the notice']}`

/** What every incoming webhook in Slack's shape takes. */
const Message = z.strictObject({ text: z.string().min(1).max(4000) })

const takeNotice = ({ method, path, body }: Call): Answer => {
  if (method !== 'POST' || path !== noticePath) return { status: 404, body: 'no_service' }
  Message.parse(body)
  return { status: 200, body: 'ok' }
}

let github: GithubServer
let hook: Vendor
let sentry: SentryServer
/** Where errors of Landfall itself go. */
let errors: Awaited<ReturnType<typeof startErrors>>
let stage: Stage

/** An app of which only the reports matter: the local Render runs no container. */
const atRender = (name: keyof typeof services) => ({
  ec2: null,
  render: { service: services[name], token: 'landfall/local/e2e-reports-render' },
})

const createSecret = (Name: string, SecretString: string, KmsKeyId?: string) =>
  new SecretsManagerClient(stage.team.stack.client).send(
    new CreateSecretCommand({ Name, SecretString, KmsKeyId }),
  )

beforeAll(async () => {
  const commits = ['one', 'two', 'broken', 'three'].map(toCommit)
  github = await startGithub({ repository, commits })
  github.tokens.add(githubToken)
  hook = await startVendor(takeNotice)
  sentry = await startSentry({ token: sentryToken, organization: 'acme', projects: [app] })
  errors = await startErrors()
  stage = await openStage({
    refused: `kms:Decrypt on resource: ${lockedKey}`,
    environment: {
      GITHUB_API: github.url.href,
      SENTRY_DSN: errors.dsn.replace('public', dsnKey),
    },
    apps: {
      [app]: { settings: { reports: names } },
      [circle]: {
        settings: {
          requires: [{ ci: 'circleci', workflow: 'build' }, 'image'],
          reports: { notice: names.notice },
        },
        ...atRender(circle),
      },
      [hub]: {
        settings: { requires: ['image'], reports: { notice: names.notice } },
        ...atRender(hub),
      },
      [locked]: {
        settings: {
          requires: ['image'],
          secrets: lockedSecret,
          reports: { notice: names.notice },
        },
        ...atRender(locked),
      },
    },
  })
  for (const service of Object.values(services)) quicken(stage, service)
  await createSecret(names.github, githubToken)
  await createSecret(names.notice, `${hook.url.origin}${noticePath}\n`)
  const account = { token: sentryToken, organization: 'acme', projects: [app] }
  await createSecret(names.sentry, JSON.stringify({ ...account, url: sentry.url.origin }))
})
afterAll(async () => {
  await stage?.close()
  errors?.stop()
  for (const server of [github, hook, sentry]) await server?.stop()
})

const Owing = z.object({ owed: z.array(z.object({ id: z.string() })) })

/** What is not told yet: `5:started`. */
const listOwed = async (): Promise<readonly string[]> => {
  const status = Owing.parse(await stage.team.operators.invoke('status', { app }))
  return status.owed.map(({ id }) => id)
}

const operate = (name: string, more: object = {}) =>
  stage.team.operators.invoke(name, { app, by: 'ada', ...more })

/** What the channel was told, each message by its first line. */
const listNotices = (calls: readonly Call[]): readonly string[] =>
  calls.map(({ body }) => Message.parse(body).text.split('\n')[0] ?? '')

/** What the channel hears while something happens, until nothing is owed any more. */
const hearNotices = async (happen: () => Promise<unknown>): Promise<readonly string[]> => {
  const before = hook.calls.length
  await happen()
  await waitFor('everything owed has been told', async () => (await listOwed()).length === 0)
  return listNotices(hook.calls.slice(before))
}

const deploysOf = (version: string) =>
  sentry.releases.get(`${app}@${toCommit(version)}`)?.deploys ?? null

const linkTo = (version: string): string =>
  `<https://github.com/${repository}/commit/${toCommit(version)}|${toCommit(version).slice(0, 7)}>`
const subject = `*${app}* (production)`

test('a deployment is reported to every channel as started and then as live', async () => {
  const heard = await hearNotices(async () => expectDeployed(await stage.release(app, 'one')))
  expect(heard).toEqual([
    `🚀 ${subject}: deployment 1 (${linkTo('one')}) has started · by \`github\``,
    `✅ ${subject}: deployment 1 (${linkTo('one')}) is live · by \`github\``,
  ])
  expect(github.states()).toEqual({ 1: ['in_progress', 'success'] })
  expect(github.deployments).toEqual([
    anyWith({ ref: toCommit('one'), environment: 'production', task: `deploy:${app}` }),
  ])
  const release = sentry.releases.get(`${app}@${toCommit('one')}`)
  expect(release).toMatchObject({ commits: [{ id: toCommit('one'), repository }], projects: [app] })
  expect(release?.dateReleased).toBe(release?.deploys[0]?.dateFinished)
  expect(deploysOf('one')).toEqual([anyWith({ name: `${app} #1`, environment: 'production' })])
})

/** The last notice about an app, by its lines. */
const lastNotice = (name: string): readonly string[] => {
  const texts = hook.calls.map(({ body }) => Message.parse(body).text)
  return texts.findLast((text) => text.includes(`*${name}*`))?.split('\n') ?? []
}

/** Status, history and the notice say of the live commit what it is, and link to its run. */
const expectTold = async (
  name: string,
  origin: Readonly<Record<string, string | null>>,
  page: string,
  words: string,
): Promise<string> => {
  const { live, deployments } = await stage.team.operators.status(name)
  const runUrl = live?.origin?.runUrl ?? ''
  expect(runUrl.startsWith(page), runUrl).toBe(true)
  const told = { origin: { ...origin, runUrl } }
  expect(live).toMatchObject(told)
  expect(deployments[0]).toMatchObject(told)
  expect(await readDeployment(stage, name, 1)).toMatchObject({ release: told })
  const isLive = async () => lastNotice(name)[0]?.includes(' is live ') === true
  await waitFor(`${name} is reported as live`, isLive)
  expect(lastNotice(name)[1]).toBe(`${words} · <${runUrl}|run>`)
  return runUrl
}

test('status, history and every channel say what the commit of a GitHub run is', async () => {
  const origin = { title: 'Add a page', author: 'Ada Lovelace', login: 'ada' }
  const page = `https://github.com/${repository}/actions/runs/`
  const url = await expectTold(app, origin, page, '`Add a page` · by `Ada Lovelace (ada)`')
  expect(github.deployments[0]).toMatchObject({
    description: `Deployment 1 of ${app}, by github: Add a page (Ada Lovelace)`,
  })
  expect(sentry.releases.get(`${app}@${toCommit('one')}`)).toMatchObject({
    url,
    commits: [{ id: toCommit('one') }],
    deploys: [{ url }],
  })
})

test('status, history and a notice say what the commit of a CircleCI workflow is, made harmless', async () => {
  await stage.push(circle, 'c-one')
  const subject = `\u001B[31mAdd\u202E a <!channel> with ghp_${marker()}${'x'.repeat(10_000)}`
  const ended = { repository: `acme/${circle}`, commit: toCommit('c-one'), subject }
  expect(await stage.team.endCircleci(ended)).toMatchObject({ status: 202, reason: 'recorded' })
  expectDeployed(await stage.nextDeployment(circle))
  const origin = { title: 'Add a <!channel> with [REDACTED]', author: 'Ada Lovelace' }
  const words = '`Add a &lt;!channel&gt; with [REDACTED]` · by `Ada Lovelace (ada)`'
  await expectTold(circle, origin, 'https://app.circleci.com/pipelines/github/acme/', words)
})

test('status, history and a notice say what the labels of a pushed image say of its commit', async () => {
  const tag = toCommit('h-one')
  const page = `https://github.com/acme/${hub}/actions/runs/7`
  const labels = {
    'org.opencontainers.image.title': 'Add a search field',
    'org.opencontainers.image.authors': 'Grace Hopper <grace@example.com>',
    'org.opencontainers.image.url': page,
  }
  await stage.team.pushImage(`acme/${hub}`, tag, { VERSION: 'h-one' }, labels)
  expect(await stage.team.announceImage(hub, `acme/${hub}`, tag)).toMatchObject({ status: 202 })
  expectDeployed(await stage.nextDeployment(hub))
  const origin = { title: 'Add a search field', author: 'Grace Hopper', login: null }
  await expectTold(hub, origin, page, '`Add a search field` · by `Grace Hopper`')
})

test('the next deployment is reported as live, and the one before it as inactive', async () => {
  await hearNotices(async () => expectDeployed(await stage.release(app, 'two')))
  expect(github.states()).toEqual({
    1: ['in_progress', 'success', 'inactive'],
    2: ['in_progress', 'success'],
  })
  expect(deploysOf('two')).toHaveLength(1)
})

test('a failed deployment is reported with its reason, and the live one stays live', async () => {
  const heard = await hearNotices(async () => {
    expectFailed(await stage.release(app, 'broken', { FAULT: 'exits' }), 'exited')
  })
  expect(heard).toEqual([
    `🚀 ${subject}: deployment 3 (${linkTo('broken')}) has started · by \`github\``,
    `❌ ${subject}: deployment 3 (${linkTo('broken')}) failed · by \`github\``,
  ])
  expect(Message.parse(hook.calls.at(-1)?.body).text).toContain('(`exited`)')
  const [failed] = github.deployments[2]?.statuses.slice(-1) ?? []
  expect(failed).toMatchObject({ state: 'failure', description: textLike(/^failed \(exited\): /) })
  expect(github.states()).toMatchObject({ 2: ['in_progress', 'success'] })
  expect(deploysOf('broken')).toBeNull()
})

test('a rollback is reported with what it rolls back, and is live at GitHub and Sentry', async () => {
  const heard = await hearNotices(async () => {
    expect(await operate('rollback')).toMatchObject({ outcome: 'accepted' })
    expectDeployed(await stage.nextDeployment(app), { kind: 'rollback' })
  })
  const rollback = `${subject}: rollback 4 to ${linkTo('one')}, which rolls back deployment 2,`
  expect(heard).toEqual([
    `🚀 ${rollback} has started · by \`ada\``,
    `⏪ ${rollback} is live · by \`ada\``,
  ])
  expect(github.states()).toEqual({
    1: ['in_progress', 'success', 'inactive'],
    2: ['in_progress', 'success', 'failure'],
    3: ['in_progress', 'failure'],
    4: ['in_progress', 'success'],
  })
  expect(deploysOf('one')).toMatchObject([{ name: `${app} #1` }, { name: `${app} #4` }])
})

test('a freeze is reported by webhook, and not to GitHub and Sentry', async () => {
  const before = [github.calls.length, sentry.calls.length]
  const heard = await hearNotices(() => operate('freeze', { reason: 'exams until Friday' }))
  expect(heard).toEqual([textLike(/^🧊 .* is frozen: .* · by `ada`$/)])
  expect(Message.parse(hook.calls.at(-1)?.body).text).toContain('> `exams until Friday`')
  expect([github.calls.length, sentry.calls.length]).toEqual(before)
})

test('a refused notice is not sent again, and the log has the reason', async () => {
  hook.fate = onceFor(() => true, { kind: 'answer', status: 404 })
  const heard = await hearNotices(() => operate('unfreeze'))
  expect(heard).toEqual([textLike(/^▶️ .* · by `ada`$/)])
  const why = `${hook.url.host} answered 404`
  const isSaid = () => stage.said.some((line) => line.includes(why))
  await waitFor('the log says why the notice was not sent', isSaid)
  const isKnown = () => errors.envelopes.some((one) => one.includes('failed to send notice'))
  await waitFor('Sentry has the failure', isKnown)
})

/** Nobody listens for notices, and GitHub and Sentry have a bad day. */
const whileAway = async (happen: () => Promise<void>): Promise<void> => {
  const { url, calls, violations } = hook
  await hook.stop()
  github.fate = sentry.fate = () => ({ kind: 'answer', status: 503 })
  try {
    await happen()
  } finally {
    github.fate = sentry.fate = () => null
    hook = await startVendor(takeNotice, Number(url.port))
    hook.calls.push(...calls)
    hook.violations.push(...violations)
  }
}

test('unavailable channels get a notice once when they are back, and do not delay the deployment', async () => {
  let deployment: ShownDeployment | undefined
  await whileAway(async () => {
    deployment = await stage.release(app, 'three')
    expectDeployed(deployment, { generation: 5 })
    expect(await stage.ask(app)).toBe('three')
    expect(await listOwed()).toEqual(['5:started', '5:succeeded'])
  })
  expect(github.states()).not.toHaveProperty('5')
  expect(deploysOf('three')).toBeNull()
  const isTold = async () => (await listOwed()).length === 0
  // A notice that was tried twice is tried again after 30 s.
  stage.team.stack.pass(30)
  const told = () => waitFor('channels that are back have been told', isTold)
  const heard = await hearNotices(() => withClock(stage, told()))
  expect(heard).toEqual([
    `🚀 ${subject}: deployment 5 (${linkTo('three')}) has started · by \`github\``,
    `✅ ${subject}: deployment 5 (${linkTo('three')}) is live · by \`github\``,
  ])
  expect(github.states()).toMatchObject({
    4: ['in_progress', 'success', 'inactive'],
    5: ['in_progress', 'success'],
  })
  expect(deploysOf('three')).toHaveLength(1)
  const { deployments } = await stage.team.operators.status(app)
  expect(deployments[0]).toEqual(deployment)
  expect(await containersOf(app)).toEqual([`landfall-${app}.5`])
})

const AskedTwice = z.object({ asked: z.object({ count: z.number().min(2) }) })
const wasAskedTwice = async (): Promise<boolean> =>
  AskedTwice.safeParse(await readRevision(stage, locked, 'one')).success

/** Landfall is deployed anew with a landfall.yml that names the key. */
const nameKey = async (): Promise<void> => {
  const file = stage.team.configuration
  writeFileSync(file, `kms: [${lockedKey}]\n${readFileSync(file, 'utf8')}`)
  await stage.restart()
}

test('a commit waits while the key of its secret may not be used, is told once, and goes out once the key is named', async () => {
  await createSecret(lockedSecret, '{"API_KEY":"a"}', lockedKey)
  await stage.push(locked, 'one')
  const before = hook.calls.length
  await stage.team.announceImage(locked, stage.repositoryOf(locked), toCommit('one'))
  await waitFor('the channel is told', () => hook.calls.length > before)
  const { waiting } = await stage.team.operators.status(locked)
  expect(waiting).toEqual([anyWith({ lacks: ['secret'], reason: 'secret_refused' })])
  const mend = /kms in landfall\.yml .*grants kms:Decrypt \(AccessDeniedException\)/
  expect(await stage.team.operators.invoke('plan', { app: locked })).toMatchObject({
    would: 'wait: secret_refused',
    findings: [
      { level: 'problem', reason: 'secret_refused', message: textLike(mend) },
      { level: 'warning', what: 'hook' },
      ...['revision', 'image', 'concurrency', 'service'].map((what) => ({ level: 'fine', what })),
    ],
  })
  // A secret that was refused once is read again after 15 s.
  stage.team.stack.pass(15)
  await withClock(stage, waitFor('it is looked at again', wasAskedTwice))
  expect(hook.calls.slice(before).map(({ body }) => Message.parse(body).text)).toEqual([
    textLike(
      new RegExp(`^✋ \\*${locked}\\* [^]*secret_refused[^]*${toCommit('one')}[^]*kms:Decrypt`),
    ),
  ])
  await nameKey()
  // The restart has set the clock back to before it was asked; then the wait of the second try follows.
  stage.team.stack.pass(120)
  expectDeployed(await withClock(stage, stage.nextDeployment(locked)))
})

test('no request violates the schema of a vendor', () => {
  expect([github, hook, sentry].flatMap(({ violations }) => violations)).toEqual([])
})

test('no token, address or DSN is in the journal, a log or an error', async () => {
  const calls = { github: github.calls, notice: hook.calls, sentry: sentry.calls }
  const sent = Object.entries(calls).map(([name, all]) => [
    name,
    findIn(traces, JSON.stringify(all)),
  ])
  // Each secret went to whom it is for, so that the search is for what there was.
  expect(Object.fromEntries(sent)).toEqual({
    github: ['the token of GitHub'],
    notice: ['the address of the notice'],
    sentry: ['the token of Sentry'],
  })
  const all = { ...traces, ...toTraces({ 'the DSN': dsnKey }) }
  const texts = [
    JSON.stringify(await scanJournal(stage)),
    JSON.stringify(await stage.team.operators.invoke('status', {})),
    stage.said.join('\n'),
  ]
  expect(texts.flatMap((text) => findIn(all, text))).toEqual([])
  const logs = join(stage.directory, 'state/logs')
  expect(await findFiles(toTraces({ log: 'failed to send notice' }), [logs])).not.toEqual([])
  expect(await findFiles(all, [logs])).toEqual([])
  // The DSN's key goes along with each error: it is how Sentry knows whose it is.
  expect(findIn(traces, errors.envelopes.join('\n'))).toEqual([])
})
