import { createHash } from 'node:crypto'
import { toReleaseSettings, type App } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { createHead, headLimits, type Head } from '../../src/deployment/head.ts'
import { jsonBytes } from '../../src/deployment/message.ts'
import { channels, type PendingNotice } from '../../src/deployment/notice.ts'
import type { Opening } from '../../src/deployment/observation.ts'
import { largestWave } from '../../src/deployment/wave.ts'
import { toHeadItem } from '../../src/journal/heads.ts'
import { AppName, Commit, Digest, Fence, Generation, InstanceId } from '../../src/kernel/id.ts'
import { originLimits, toOrigin } from '../../src/kernel/origin.ts'
import { reasons, type Reason } from '../../src/kernel/reason.ts'
import { appOf } from './apps.ts'
import { openingOf, start } from './deployments.ts'
import { digestAt, ec2 } from './examples.ts'
import { keyAt } from './targets.ts'

const codes = Object.keys(reasons).filter((code): code is Reason => code in reasons)
export const longestReason =
  codes.toSorted((one, other) => other.length - one.length)[0] ?? 'deployed'
export const wide = '漢'
export const alarmsOf = (text: string) =>
  Array.from({ length: 10 }, (_, index) => `${index}${text}`)
export const name = wide.repeat(100)
export const largest = Generation.parse(9_999_999)

/** What `toOrigin` makes of the longest texts: four bytes a character. */
export const longestOrigin = toOrigin(
  {
    message: '𝒜'.repeat(1000),
    author: '𝒜'.repeat(1000),
    login: 'a'.repeat(39),
    runUrl: `https://github.com/${'r'.repeat(originLimits.url - 19)}`,
    compareUrl: `https://github.com/${'c'.repeat(originLimits.url - 19)}`,
  },
  ['github.com'],
)

export const settingsOf = (alarms: readonly string[]): App =>
  appOf('oc-lettings', {
    env: { TEXT: wide.repeat(500) },
    secrets: 'landfall/prod/oc-lettings',
    targets: [ec2({ rollout: { batch: { kind: 'count', value: 50 }, pauseSeconds: 0 } })],
    rollback: { alarms, windowSeconds: 3600, secrets: 'recorded' },
  })

export const releaseAt = (settings: App, index: number): Release => ({
  generation: Generation.parse(largest - index),
  revision: Commit.parse(String(index).padStart(40, 'a')),
  commit: Commit.parse(String(index).padStart(40, 'a')),
  digest: digestAt(index),
  secretVersion: 'v'.repeat(64),
  origin: longestOrigin,
  // Settings that several releases have in common are kept once.
  settings: toReleaseSettings({
    ...settings,
    environment: settings.environment.replace(/^./, String(index % 10)),
  }),
  promotedFrom: { app: AppName.parse('a'.repeat(40)), generation: largest },
})

export const noticeAt = (index: number): PendingNotice => ({
  id: `${index}:failed`,
  kind: 'failed',
  at: start,
  by: name,
  reason: longestReason,
  message: '\u0001'.repeat(300),
  deployment: {
    generation: largest,
    kind: 'redeploy',
    commit: Commit.parse('e'.repeat(40)),
    digest: digestAt(index),
    environment: name,
    takesBack: largest,
    afterPredeploy: false,
    origin: longestOrigin,
    promotedFrom: { app: AppName.parse('a'.repeat(40)), generation: largest },
  },
  sentTo: [...channels],
  tries: 300,
  dueAt: start,
  claimedUntil: start,
})

export const usual = settingsOf(alarmsOf('-oc-lettings-5xx'))

/** A head with everything that it may keep besides the deployment, each entry as large as it may be. */
export const heavy = (settings = usual): Head => ({
  ...createHead(settings.name),
  version: Fence.parse(largest),
  generation: largest,
  releases: Array.from({ length: 5 }, (_, index) => releaseAt(settings, index + 1)),
  quarantine: Array.from({ length: 47 }, (_, index) =>
    Digest.parse(`sha256:${String(index).padStart(64, 'c')}`),
  ),
  finished: Array.from({ length: 10 }, (_, index) => ({
    generation: Generation.parse(largest - index),
    kind: 'redeploy',
    status: 'rolled_back',
    commit: Commit.parse('d'.repeat(40)),
    digest: digestAt(index),
    changed: false,
    firing: settings.rollback?.alarms ?? [],
    sentAt: start,
    endedAt: start,
  })),
  operations: Array.from({ length: 10 }, (_, index) => ({
    id: `${index}${wide.repeat(99)}`,
    kind: 'redeploy',
    by: name,
    at: start,
  })),
  notices: [noticeAt(1), noticeAt(2), noticeAt(3)],
  alarmsUntil: start,
  mark: { createdAt: start, number: Number.MAX_SAFE_INTEGER },
})

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Random ids, as AWS assigns them. */
export const idAt = (index: number): InstanceId =>
  InstanceId.parse(`mi-${hashOf(String(index)).slice(0, 17)}`)

export const openingTo = (
  count: number,
  changes: Partial<Opening> = {},
  settings = usual,
): Opening => {
  const opening = openingOf(
    7,
    0,
    {
      by: name,
      firing: settings.rollback?.alarms ?? [],
      message: wide.repeat(900),
      candidates: Array.from({ length: count }, (_, index) => ({
        id: idAt(index),
        target: keyAt(0),
        obstacle: null,
        warning: null,
      })),
      ...changes,
    },
    settings,
  )
  return { ...opening, release: { ...opening.release, origin: longestOrigin } }
}

/** What a head takes of its item, its key aside; DynamoDB counts less for what is JSON here. */
export const storedBytes = (head: Head): number => {
  const { body, instances } = toHeadItem(head, 'a-writer')
  if (!(instances instanceof Uint8Array)) throw new Error('the instances are not packed')
  return jsonBytes(body) + instances.length
}

const alarmName = `alarm ${wide.repeat(255)}`

/** The longest notices, and one that fills what a head keeps of them. */
const notices = (): readonly PendingNotice[] => {
  const count = Math.floor(headLimits.noticesBytes / jsonBytes(noticeAt(10)))
  const longest = Array.from({ length: count }, (_, index) => noticeAt(index + 10))
  const last = (message: string) => ({ ...noticeAt(99), deployment: null, message })
  const left = headLimits.noticesBytes - jsonBytes([...longest, last('')])
  return [...longest, last('x'.repeat(left))]
}

/** A head at the worst moment of a deployment: everything that it may keep is there, as long as it may be. */
export const fullHead = (settings = usual, rest: Partial<Head> = {}): Head => {
  const release = releaseAt(settings, 0)
  const firing = settings.rollback?.alarms ?? []
  const head = heavy(settings)
  const quarantined = Array.from({ length: headLimits.quarantinedSettings }, (_, index) => ({
    digest: digestAt(index),
    secretVersion: release.secretVersion,
    env: settings.env,
  }))
  return {
    ...head,
    quarantine: [...quarantined, ...head.quarantine],
    freeze: { reason: wide.repeat(300), by: alarmName, at: start },
    request: {
      revision: digestAt(1),
      promoted: {
        app: settings.name,
        generation: largest,
        commit: release.commit,
        digest: release.digest,
      },
      force: false,
      by: name,
      at: start,
      refusal: longestReason,
    },
    rollback: {
      kind: 'rollback',
      generation: largest,
      to: largest,
      reason: 'rolled_back',
      by: alarmName,
      at: start,
      refusal: longestReason,
    },
    notices: notices(),
    poller: { by: 'w'.repeat(36), until: start },
    deployment: {
      generation: largest,
      kind: 'redeploy',
      by: alarmName,
      openedAt: start,
      deadlineAt: start,
      sentAt: start,
      release,
      firing,
      takesBack: largest,
      phase: 'withdrawing',
      reason: longestReason,
      message: wide.repeat(332),
      intent: {
        purpose: 'prepare',
        target: keyAt(0),
        instances: Array.from({ length: largestWave }, (_, index) => idAt(index)),
        fence: Fence.parse(largest),
        since: start,
        at: start,
        repeated: false,
        operation: 'o'.repeat(120),
        deadlineAt: start,
        hostSeconds: 99_999,
      },
      instances: [],
    },
    ...rest,
  }
}
