import { beforeEach, describe, expect, it } from 'vitest'
import { createNoteSeen, type NoteSeen, type RecordName } from '../../../src/delivery/seen.ts'
import { addSeconds } from '../../../src/kernel/clock.ts'
import { AppName } from '../../../src/kernel/id.ts'
import { createLog } from '../../../src/kernel/log.ts'
import type { Parsed } from '../../../src/sources/source.ts'
import { appOf } from '../../support/apps.ts'
import { pushFacts, runFacts } from '../../support/facts.ts'

const now = '2026-11-20T10:00:00.000Z'
const lettings = [appOf('oc-lettings'), appOf('oc-lettings-staging', { branch: 'staging' })]
const other = [appOf('other')]

const push = (ref: string) => pushFacts({ ref })
const run = (ci: 'github' | 'circleci') =>
  runFacts({
    ci,
    repositoryId: ci === 'github' ? 1 : null,
    branch: 'feature',
    isPush: false,
    workflowPath: null,
  })
const image: Parsed = {
  kind: 'image',
  app: AppName.parse('other'),
  repository: 'acme/other',
  tag: 'v1',
  pushedAt: now,
}

let written: string[]
let names: string[]
let lines: string[]
let fails: boolean
let note: NoteSeen
beforeEach(() => {
  written = []
  names = []
  lines = []
  fails = false
  const record = async (...parts: readonly string[]) => {
    if (fails) throw new Error('the journal is away')
    written.push(parts.join(' '))
  }
  const recordName: RecordName = async (app, name, isExpected) => {
    names.push(`${app} ${JSON.stringify(name)} ${isExpected}`)
  }
  note = createNoteSeen(
    { recordSeen: record, recordName },
    createLog({}, (line) => lines.push(line)),
  )
})

describe('createNoteSeen', () => {
  it.each<[string, Parsed, string, readonly string[]]>([
    ['a push', push('refs/heads/main'), 'github:push', ['oc-lettings', 'oc-lettings-staging']],
    [
      'a push of a tag',
      push('refs/tags/main'),
      'github:push',
      ['oc-lettings', 'oc-lettings-staging'],
    ],
    [
      'a run on any branch',
      run('github'),
      'github:workflow_run',
      ['oc-lettings', 'oc-lettings-staging'],
    ],
    [
      'a workflow of CircleCI',
      run('circleci'),
      'circleci:workflow-completed',
      ['oc-lettings', 'oc-lettings-staging'],
    ],
    ['an image', image, 'docker-hub:push', ['other']],
    ['a ping', { kind: 'ping' }, '', ['other']],
    ['any other event', { kind: 'other', event: 'issues' }, '', ['other']],
  ])('records webhook activity for %s', async (_what, parsed, kind, of) => {
    await note(
      parsed,
      of.map((name) => appOf(name)),
      now,
    )
    expect(written).toEqual(
      parsed.kind === 'ping' || parsed.kind === 'other'
        ? []
        : of.map((app) => `${app} ${kind} ${now}`),
    )
  })

  it('records once an hour for each app and kind', async () => {
    for (const seconds of [0, 1, 3599, 3600, 3601])
      await note(image, other, addSeconds(now, seconds))
    await note(push('refs/heads/main'), lettings, addSeconds(now, 3601))
    expect(written.filter((line) => line.startsWith('other'))).toEqual([
      `other docker-hub:push ${now}`,
      `other docker-hub:push ${addSeconds(now, 3600)}`,
    ])
    expect(written).toHaveLength(4)
  })

  it('logs a failed record and tries again with the next delivery', async () => {
    fails = true
    await note(image, other, now)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('"level":"warn"')
    fails = false
    await note(image, other, addSeconds(now, 1))
    expect(written).toHaveLength(1)
  })
})

describe('the names in deliveries', () => {
  const green = {
    ...run('github'),
    branch: 'main',
    isPush: true,
    workflowPath: '.github/workflows/a.yml',
  }
  const named = (workflow: string, path = '.github/workflows/a.yml') =>
    JSON.stringify({ kind: 'workflow', ci: 'github', workflow, workflowPath: path })

  it('are those of the workflows that ran after a push to the branch of the app, once', async () => {
    for (const workflow of ['CI', 'Lint', 'CI']) await note({ ...green, workflow }, lettings, now)
    expect(names).toEqual([`oc-lettings ${named('CI')} true`, `oc-lettings ${named('Lint')} false`])
  })

  it.each([
    ['another branch', { branch: 'feature' }],
    ['a pull request', { isPush: false }],
  ])('are not those of workflows for %s', async (_what, changes) => {
    await note({ ...green, ...changes }, [appOf('oc-lettings')], now)
    expect(names).toEqual([])
  })

  it('are those of branches that differ in capitals alone', async () => {
    for (const ref of ['refs/heads/Main', 'refs/heads/main', 'refs/heads/next', 'refs/tags/MAIN'])
      await note(push(ref), [appOf('oc-lettings')], now)
    expect(names).toEqual(['oc-lettings {"kind":"branch","branch":"Main"} true'])
  })

  it('are cut', async () => {
    await note({ ...green, workflow: 'x'.repeat(1000) }, [appOf('oc-lettings')], now)
    expect(names).toEqual([`oc-lettings ${named('x'.repeat(200))} false`])
  })
})
