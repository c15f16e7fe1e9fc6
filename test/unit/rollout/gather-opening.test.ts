import { expect, test } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { createLog } from '../../../src/kernel/log.ts'
import { succeed } from '../../../src/kernel/result.ts'
import { gatherOpening, type OpeningPorts } from '../../../src/rollout/gather-opening.ts'
import type { PlatformImage } from '../../../src/deployment/revision.ts'
import type { Architecture } from '../../../src/targets/target.ts'
import type { Candidate } from '../../../src/deployment/deployment.ts'
import { instanceAt, lettings } from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/examples.ts'
import { renderTarget } from '../../support/targets.ts'
import { Denied } from '../../../src/kernel/denied.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { failedSecret } from '../../support/failed-secret.ts'

const app: App = {
  ...lettings,
  secrets: 'landfall/prod/oc-lettings',
  targets: [renderTarget()],
}
const wanted = {
  kind: 'deploy',
  by: 'github',
  order: null,
  force: false,
  revision: commitAt(1),
  commit: commitAt(1),
  digest: digestAt(1),
  origin: null,
  promotedFrom: null,
} as const

const gather = (
  readSecretVersion: OpeningPorts['readSecretVersion'],
  {
    readAlarms = async () => [],
    alarms = [],
    instances = 0,
    leftOut = null,
    candidates = [],
    architectures = [],
    platforms = [],
    kept = [],
  }: {
    readonly readAlarms?: OpeningPorts['readAlarms']
    readonly alarms?: readonly string[]
    readonly instances?: number
    readonly leftOut?: string | null
    readonly candidates?: readonly Candidate[]
    readonly architectures?: readonly Architecture[]
    readonly platforms?: readonly PlatformImage[]
    readonly kept?: Parameters<typeof gatherOpening>[4]
  } = {},
) =>
  gatherOpening(
    {
      toTarget: () => ({
        select: async () => ({ architectures, candidates, leftOut }),
        capacity: async () => ({ instances, message: 'it takes 40000 bytes' }),
      }),
      readSecretVersion,
      readAlarms,
      images: { checkPlatforms: async () => platforms },
      log: createLog({}),
    },
    { ...app, rollback: { alarms, windowSeconds: 1800, secrets: 'recorded' } },
    null,
    wanted,
    kept,
  )

test('says what an env file takes that fits into no command', async () => {
  const { obstacle, message } = await gather(async () => succeed('version-1'))
  expect([obstacle, message]).toEqual(['envelope_too_large', 'it takes 40000 bytes'])
})

test('says nothing of its size where the secret is missing', async () => {
  const { obstacle, message } = await gather(async () => failedSecret('secret_missing'))
  expect([obstacle, message]).toEqual([
    'secret_missing',
    'the secret landfall/test/shop says secret_missing',
  ])
})

const at = '2026-11-20T12:00:00.000Z'
const version = async () => succeed('version-1')

test.each<[string, OpeningPorts['readAlarms'], readonly string[], string | null]>([
  [
    'an alarm does not exist',
    async () => [{ alarm: 'latency', at: null }],
    [],
    'no alarm 5xx exists to roll it back',
  ],
  [
    'an alarm fires already',
    async () => [
      { alarm: '5xx', at },
      { alarm: 'latency', at: null },
    ],
    ['5xx'],
    '5xx fires already and does not roll it back',
  ],
  ['no alarm fires', async (names) => names.map((alarm) => ({ alarm, at: null })), [], null],
  [
    'CloudWatch does not answer',
    async () => {
      throw new Retryable('away')
    },
    ['5xx', 'latency'],
    'which of its alarms exist or fire is not known: CloudWatch did not answer',
  ],
  [
    'CloudWatch refuses',
    async () => {
      throw new Denied('AWS refuses cloudwatch:DescribeAlarms')
    },
    ['5xx', 'latency'],
    'which of its alarms exist or fire is not known: AWS refuses cloudwatch:DescribeAlarms',
  ],
])('the deployment’s message tells of its alarms: %s', async (_, readAlarms, firing, message) => {
  const alarms = ['5xx', 'latency']
  const opening = await gather(version, { readAlarms, alarms, instances: 1 })
  expect(opening).toMatchObject({ obstacle: null, firing, message })
})

test('the deployment’s message tells which instances are left out, and why', async () => {
  const leftOut = 'left out, because the tag landfall:stage is not prod: i-0000000000000000f'
  const candidates = [
    { id: instanceAt(1), target: renderTarget().key, obstacle: null, warning: null },
  ]
  const some = await gather(version, { instances: 1, leftOut, candidates })
  expect(some).toMatchObject({ obstacle: null, message: leftOut })
  const none = await gather(version, { instances: 1, leftOut, candidates: [] })
  expect(none).toMatchObject({ obstacle: 'no_instances', message: leftOut })
})

const imageOf = (platform: string, index: number): PlatformImage => ({
  platform,
  digest: digestAt(index),
  isGone: false,
})
const amd64 = imageOf('linux/amd64', 8)
const arm64 = imageOf('linux/arm64', 9)
const gone = (one: PlatformImage): PlatformImage => ({ ...one, isGone: true })
const some: readonly Candidate[] = [
  { id: instanceAt(1), target: renderTarget().key, obstacle: null, warning: null },
]

test.each([
  ['its only image', ['amd64'], [gone(amd64)], 'image_gone'],
  ['the image of an instance', ['amd64', 'arm64'], [amd64, gone(arm64)], 'image_gone'],
  ['an image that no instance needs', ['amd64'], [amd64, gone(arm64)], null],
  ['one variant of two', ['arm64'], [arm64, gone(arm64)], null],
  ['an image that unknown machines may not need', [], [amd64, gone(arm64)], null],
  ['all images, for unknown machines', [], [gone(amd64), gone(arm64)], 'image_gone'],
  ['nothing', ['amd64'], [amd64, arm64], null],
] as const)('an index that has lost %s', async (_what, architectures, platforms, expected) => {
  const given = { instances: 1, candidates: some, architectures, platforms }
  const { obstacle, message } = await gather(version, given)
  expect(obstacle).toBe(expected)
  const lost = platforms.find(({ isGone }) => isGone)
  if (lost === undefined) expect(message).toBeNull()
  else expect(message).toContain(`${lost.platform} (${lost.digest})`)
})

test('does not ask for the images of one that an instance may have already', async () => {
  const given = { instances: 1, candidates: some, platforms: [gone(amd64)] }
  const kept = [{ digest: wanted.digest }]
  expect((await gather(version, { ...given, kept })).obstacle).toBeNull()
  expect((await gather(version, given)).obstacle).toBe('image_gone')
})

test('names the first of many images that are gone, so that a notice has room for it', async () => {
  const platforms = Array.from({ length: 16 }, () => gone({ ...amd64, platform: 'x'.repeat(40) }))
  const { message } = await gather(version, { instances: 1, candidates: some, platforms })
  expect(message).toContain('and 15 more')
  expect(message?.length).toBeLessThan(300 - 42)
})
