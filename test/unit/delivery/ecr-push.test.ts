import { describe, expect, test } from 'vitest'
import { createTakePush } from '../../../src/delivery/ecr-push.ts'
import { sourceOf } from '../../../src/deployment/revision.ts'
import { toInstant } from '../../../src/kernel/clock.ts'
import { createLog } from '../../../src/kernel/log.ts'
import { EcrPushEvent } from '../../../src/sources/ecr.ts'
import { appOf, commit } from '../../support/apps.ts'
import { revisionAt } from '../../support/deployments.ts'

const account = '123456789012'
const image = `${account}.dkr.ecr.eu-west-3.amazonaws.com/acme/shop`

/** As the ECR user guide has it ("Event for a completed image push"). */
const eventOf = (detail: object = {}, more: object = {}) => ({
  version: '0',
  id: '13cde686-328b-6117-af20-0e5566167482',
  'detail-type': 'ECR Image Action',
  source: 'aws.ecr',
  account,
  time: '2026-11-20T10:00:00Z',
  region: 'eu-west-3',
  resources: [],
  detail: {
    result: 'SUCCESS',
    'repository-name': 'acme/shop',
    'image-digest': `sha256:${'f'.repeat(64)}`,
    'action-type': 'PUSH',
    'image-tag': commit,
    ...detail,
  },
  ...more,
})

const apps = [
  appOf('shop', { image }),
  appOf('shop-staging', { image, tag: 'latest' }),
  appOf('elsewhere', { image: 'acme/shop' }),
]

const take = async (event: object) => {
  const recorded: unknown[] = []
  const takePush = createTakePush({
    apps,
    recordEvidence: (app, id, of, evidence) => {
      recorded.push([app, id, of, evidence])
      return Promise.resolve('recorded')
    },
    clock: () => new Date('2026-11-20T10:00:05Z'),
    log: createLog({}, () => undefined),
  })
  const matches = await takePush(EcrPushEvent.parse(event))
  return { recorded, apps: matches.map(({ app, revision }) => [app, revision]) }
}

const evidenceOf = (tag: string) => ({
  kind: 'image',
  tag,
  seenAt: '2026-11-20T10:00:00.000Z',
  origin: null,
  source: 'ecr',
})

describe('a push to Amazon ECR', () => {
  test('is a hint for the app whose tag names the commit, and its digest counts for nothing', async () => {
    const { recorded, apps: told } = await take(eventOf())
    expect(told).toEqual([['shop', commit]])
    expect(recorded).toEqual([['shop', commit, commit, evidenceOf(commit)]])
  })

  test('of a tag without a commit is a hint whose revision the registry will tell', async () => {
    const { recorded } = await take(eventOf({ 'image-tag': 'latest' }))
    expect(recorded).toEqual([['shop-staging', null, null, evidenceOf('latest')]])
  })

  test.each([
    ['of another account', eventOf({}, { account: '210987654321' })],
    ['of another region', eventOf({}, { region: 'us-east-1' })],
    ['of another repository', eventOf({ 'repository-name': 'acme/other' })],
    ['of a repository that differs in its case', eventOf({ 'repository-name': 'Acme/shop' })],
    ['of another tag', eventOf({ 'image-tag': 'v1' })],
    ['without a tag', eventOf({ 'image-tag': undefined })],
  ])('%s is a hint for no app', async (_what, event) => {
    expect(await take(event)).toEqual({ recorded: [], apps: [] })
  })

  test.each([
    ['a deletion', eventOf({ 'action-type': 'DELETE' })],
    ['a push that failed', eventOf({ result: 'FAILURE' })],
    ['another source', eventOf({}, { source: 'my.ecr' })],
    ['another event of ECR', eventOf({}, { 'detail-type': 'ECR Image Scan' })],
    ['a time that is none', eventOf({}, { time: 'today' })],
    ['a name without an end', eventOf({ 'repository-name': 'a'.repeat(2000) })],
    ['a tag without an end', eventOf({ 'image-tag': 'a'.repeat(2000) })],
  ])('is not read from %s', (_what, event) => {
    expect(EcrPushEvent.safeParse(event).success).toBe(false)
  })

  test('is what a revision without CI is told to come from', () => {
    const seenAt = toInstant(new Date('2026-11-20T10:00:00Z'))
    const hint = { kind: 'image', tag: 'v1', seenAt, origin: null } as const
    const revision = { ...revisionAt(1), ci: {}, image: hint }
    expect(sourceOf({ ...revision, image: { ...hint, source: 'ecr' } })).toBe('ecr')
    expect(sourceOf(revision)).toBe('docker-hub')
  })
})
