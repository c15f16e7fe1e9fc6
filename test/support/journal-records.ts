import * as fc from 'fast-check'
import {
  toReleaseSettings,
  type TargetSettings,
  type ReleaseSettings,
} from '../../src/deployment/app.ts'
import type {
  Advancing,
  Deployment,
  Ended,
  InstanceState,
  Intent,
  Release,
  Withdrawing,
} from '../../src/deployment/deployment.ts'
import type { Finished, Head, Operation, ObservedInstance } from '../../src/deployment/head.ts'
import { noticeKinds } from '../../src/deployment/notice.ts'
import { channels, type PendingNotice } from '../../src/deployment/notice.ts'
import type { CiEvidence, Revision } from '../../src/deployment/revision.ts'
import type { StepRecord } from '../../src/deployment/step.ts'
import {
  AppName,
  Commit,
  Digest,
  Fence,
  Generation,
  InstanceId,
  TargetKey,
} from '../../src/kernel/id.ts'
import { reasons, type Reason } from '../../src/kernel/reason.ts'
import { appOf } from './apps.ts'
import { herokuTarget, renderTarget } from './targets.ts'

const hex = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...Array.from('0123456789abcdef')),
    minLength: length,
    maxLength: length,
  })

const words = fc.string({ unit: 'grapheme', maxLength: 20 })
const lists = fc.array(words, { maxLength: 3 })
const counts = fc.nat({ max: 1_000_000 })
const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: null })

export const apps = fc
  .stringMatching(/^[a-z][a-z0-9-]{0,12}[a-z0-9]$/)
  .map((name) => AppName.parse(name))
export const commits = hex(40).map((text) => Commit.parse(text))
export const digests = hex(64).map((text) => Digest.parse(`sha256:${text}`))
export const instants = fc
  .date({
    min: new Date('2020-01-01T00:00:00Z'),
    max: new Date('2040-01-01T00:00:00Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString())
const generations = counts.map((count) => Generation.parse(count))
const fences = counts.map((count) => Fence.parse(count))
const instances = hex(17).map((text) => InstanceId.parse(`i-${text}`))
const reasonCodes = Object.keys(reasons).filter((code): code is Reason => code in reasons)
const someReason = maybe(fc.constantFrom(...reasonCodes))

const targetKeys = words.map((text) => TargetKey.parse(`ec2:_${text}`))

const targets: fc.Arbitrary<TargetSettings> = fc.oneof(
  fc.record({
    kind: fc.constant('ec2' as const),
    key: targetKeys,
    instances: fc.oneof(
      fc.record({ kind: fc.constant('tag' as const), key: words, value: words }),
      fc.record({ kind: fc.constant('ids' as const), ids: fc.array(instances, { maxLength: 3 }) }),
    ),
    acceptedLosses: lists,
    predeployEntrypoint: fc.boolean(),
    strategy: fc.constantFrom('blue-green' as const, 'recreate' as const, 'worker' as const),
    port: maybe(counts),
    publish: maybe(fc.record({ address: maybe(words), port: counts })),
    trusted: fc.array(words),
    hosts: lists,
    replaces: maybe(words),
    predeploy: maybe(lists),
    run: fc.record({
      command: lists,
      volumes: lists,
      networks: lists,
      capAdd: lists,
      newPrivileges: fc.boolean(),
      pidsLimit: counts,
      memory: maybe(words),
      user: maybe(words),
      extraHosts: lists,
      shmSize: maybe(words),
      init: fc.boolean(),
      stopTimeoutSeconds: counts,
    }),
    holdSeconds: counts,
    drainSeconds: maybe(counts),
    health: fc.record({
      path: words,
      host: maybe(words),
      expect: fc.record({ from: counts, to: counts }),
      contains: maybe(words),
      scheme: maybe(fc.constantFrom('http' as const, 'https' as const)),
      intervalSeconds: counts.map((count) => count / 10),
      times: counts,
      timeoutSeconds: counts,
    }),
    rollout: fc.record({
      batch: fc.record({
        kind: fc.constantFrom('count' as const, 'percent' as const),
        value: counts,
      }),
      pauseSeconds: counts,
    }),
    keep: counts,
    drift: fc.constantFrom('repair' as const, 'report' as const),
    metadata: maybe(fc.constantFrom('block' as const, 'allow' as const)),
    canBeAsked: fc.boolean(),
  }),
  fc
    .record({
      service: words,
      token: words,
      env: fc.constantFrom('sync' as const, 'leave' as const),
    })
    .map((changes) =>
      renderTarget({ ...changes, key: TargetKey.parse(`render:_${changes.service}`) }),
    ),
  fc
    .record({
      app: words,
      process: words,
      token: words,
      release: maybe(lists),
      env: fc.constantFrom('sync' as const, 'leave' as const),
    })
    .map((changes) => herokuTarget({ ...changes, key: TargetKey.parse(`heroku:_${changes.app}`) })),
)

/** DynamoDB refuses a map with an empty key; the names of variables are never empty. */
const environments = fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/), words, {
  maxKeys: 4,
})

const settings: fc.Arbitrary<ReleaseSettings> = fc
  .record({
    env: environments,
    deploy: fc.constantFrom('automatic' as const, 'manual' as const),
    targets: fc.array(targets, { maxLength: 3 }),
    secrets: maybe(words),
    rollback: maybe(
      fc.record({
        alarms: lists,
        windowSeconds: counts,
        secrets: fc.constantFrom('recorded' as const, 'current' as const),
      }),
    ),
  })
  .map((changes) => ({ ...toReleaseSettings(appOf('oc-lettings')), ...changes }))

const origins = maybe(
  fc.record({
    title: maybe(words),
    author: maybe(words),
    login: maybe(words),
    runUrl: maybe(words),
    compareUrl: maybe(words),
  }),
)

const promotions = maybe(fc.record({ app: apps, generation: generations }))

export const releases: fc.Arbitrary<Release> = fc.record({
  generation: generations,
  revision: fc.oneof(commits, digests),
  commit: maybe(commits),
  digest: digests,
  secretVersion: maybe(words),
  origin: origins,
  settings,
  promotedFrom: promotions,
})

const servings = fc.record({ generation: generations, digest: digests })

export const instanceStates: fc.Arbitrary<InstanceState> = fc.record({
  id: instances,
  target: targetKeys,
  wave: counts,
  status: fc.constantFrom(
    ...(['unseen', 'pending', 'succeeded', 'failed', 'lost', 'restored', 'unknown'] as const),
  ),
  touched: fc.boolean(),
  retries: counts,
  serving: maybe(servings),
  reason: someReason,
  message: maybe(words),
})

const purposes = fc.constantFrom('prepare' as const, 'deploy' as const, 'restore' as const)

const intents: fc.Arbitrary<Intent> = fc.record({
  purpose: purposes,
  target: targetKeys,
  instances: fc.array(instances, { maxLength: 3 }),
  fence: fences,
  since: instants,
  at: instants,
  repeated: fc.boolean(),
  operation: maybe(words),
  deadlineAt: instants,
  hostSeconds: counts,
})

const opened = {
  generation: generations,
  kind: fc.constantFrom(...(['deploy', 'redeploy', 'rollback', 'repair'] as const)),
  by: words,
  openedAt: instants,
  deadlineAt: instants,
  sentAt: maybe(instants),
  release: releases,
  firing: fc.array(words, { maxLength: 2 }),
  takesBack: maybe(generations),
  instances: fc.array(instanceStates, { maxLength: 3 }),
  message: maybe(words),
}

export const endedDeployments: fc.Arbitrary<Ended> = fc.record({
  ...opened,
  phase: fc.constant('ended' as const),
  status: fc.constantFrom(...(['succeeded', 'failed', 'cancelled', 'rolled_back'] as const)),
  reason: fc.constantFrom(...reasonCodes),
  endedAt: instants,
  rolledBackBy: maybe(generations),
})

const advancing: fc.Arbitrary<Advancing> = fc.record({
  ...opened,
  phase: fc.constant('advancing' as const),
  isStarted: fc.boolean(),
  intent: maybe(intents),
  pausedUntil: maybe(instants),
})

const withdrawing: fc.Arbitrary<Withdrawing> = fc.record({
  ...opened,
  phase: fc.constant('withdrawing' as const),
  intent: maybe(intents),
  reason: fc.constantFrom(...reasonCodes),
})

export const deployments: fc.Arbitrary<Deployment> = fc.oneof(
  advancing,
  withdrawing,
  endedDeployments,
)

const rollbackRequests = fc.record({
  kind: fc.constantFrom('rollback' as const, 'cancel' as const),
  generation: generations,
  to: maybe(generations),
  reason: fc.constantFrom('alarm_fired' as const, 'rolled_back' as const, 'cancelled' as const),
  by: words,
  at: instants,
  refusal: someReason,
})

const finished: fc.Arbitrary<Finished> = fc.record({
  generation: generations,
  kind: fc.constantFrom('deploy' as const, 'redeploy' as const, 'rollback' as const),
  status: fc.constantFrom('succeeded' as const, 'failed' as const, 'rolled_back' as const),
  commit: maybe(commits),
  digest: digests,
  changed: fc.boolean(),
  firing: fc.array(words, { maxLength: 2 }),
  sentAt: instants,
  endedAt: instants,
})

const pendingNotices: fc.Arbitrary<PendingNotice> = fc.record({
  id: words,
  kind: fc.constantFrom(...noticeKinds),
  at: instants,
  by: words,
  reason: someReason,
  message: maybe(words),
  deployment: maybe(
    fc.record({
      generation: generations,
      kind: fc.constantFrom('deploy' as const, 'redeploy' as const, 'rollback' as const),
      commit: maybe(commits),
      digest: digests,
      environment: words,
      takesBack: maybe(generations),
      afterPredeploy: fc.boolean(),
      origin: origins,
      promotedFrom: promotions,
    }),
  ),
  sentTo: fc.subarray([...channels]),
  tries: counts,
  dueAt: instants,
  claimedUntil: maybe(instants),
})

const operations: fc.Arbitrary<Operation> = fc.record({
  id: words,
  kind: fc.constantFrom('redeploy' as const, 'rollback' as const, 'freeze' as const),
  by: words,
  at: instants,
})

const quarantined = fc.oneof(
  commits,
  digests,
  fc.record({ digest: digests, secretVersion: maybe(words), env: environments }),
)

export const observed: fc.Arbitrary<ObservedInstance> = fc.record({
  id: instances,
  target: targetKeys,
  generation: maybe(generations),
  at: instants,
  tries: counts,
  reason: someReason,
})

export const heads: fc.Arbitrary<Head> = fc.record({
  app: apps,
  version: fences.map((version) => Fence.parse(version + 1)),
  generation: generations,
  deployment: maybe(deployments),
  releases: fc.array(releases, { maxLength: 5 }),
  request: maybe(
    fc.record({
      revision: maybe(commits),
      promoted: maybe(
        fc.record({
          app: apps,
          generation: generations,
          commit: maybe(commits),
          digest: digests,
        }),
      ),
      force: fc.boolean(),
      by: words,
      at: instants,
      refusal: someReason,
    }),
  ),
  freeze: maybe(fc.record({ reason: words, by: words, at: instants })),
  rollback: maybe(rollbackRequests),
  quarantine: fc.array(quarantined, { maxLength: 3 }),
  finished: fc.array(finished, { maxLength: 3 }),
  alarmsUntil: maybe(instants),
  notices: fc.array(pendingNotices, { maxLength: 3 }),
  operations: fc.array(operations, { maxLength: 3 }),
  observed: fc.array(observed, { maxLength: 3 }),
  mark: maybe(fc.record({ createdAt: instants, number: counts })),
  poller: maybe(fc.record({ by: words, until: instants })),
})

export const steps: fc.Arbitrary<StepRecord> = fc.record({
  generation: generations,
  instance: instances,
  fence: counts,
  purpose: purposes,
  at: instants,
  outcome: fc.constantFrom(...(['waiting', 'succeeded', 'failed', 'refused', 'lost'] as const)),
  reason: someReason,
  message: maybe(words),
  steps: fc.array(
    fc.record({
      name: words,
      status: fc.constantFrom(
        ...(['pending', 'running', 'succeeded', 'failed', 'timed_out', 'skipped'] as const),
      ),
      milliseconds: maybe(counts),
      reason: someReason,
    }),
    { maxLength: 3 },
  ),
  tail: lists,
})

export const runs = (ids: { workflows: readonly string[] }): fc.Arbitrary<CiEvidence> =>
  fc.record({
    kind: fc.constant('ci' as const),
    ci: fc.constantFrom('github' as const, 'circleci' as const),
    workflow: fc.constantFrom(...ids.workflows),
    workflowId: fc.constantFrom('.github/workflows/ci.yml', '.github/workflows/other.yml'),
    runId: words,
    runNumber: fc.nat({ max: 4 }),
    attempt: fc.integer({ min: 1, max: 4 }),
    createdAt: instants,
    conclusion: fc.constantFrom('success' as const, 'failure' as const),
    origin: origins,
  })

export const revisions: fc.Arbitrary<Revision> = fc.record({
  app: apps,
  id: fc.oneof(commits, digests),
  commit: maybe(commits),
  status: fc.constantFrom(
    ...(['waiting', 'deployed', 'superseded', 'refused', 'expired'] as const),
  ),
  reason: someReason,
  firstSeenAt: instants,
  waitingSince: instants,
  ci: fc
    .array(runs({ workflows: ['CI', 'Lint & test', 'déploiement #1', '__proto__'] }), {
      maxLength: 3,
    })
    .map((list) => Object.fromEntries(list.map((run) => [`${run.ci}:${run.workflow}`, run]))),
  push: maybe(
    fc.record({ kind: fc.constant('push' as const), pushedAt: instants, origin: origins }),
  ),
  image: maybe(
    fc.record({
      kind: fc.constant('image' as const),
      tag: words,
      seenAt: instants,
      origin: origins,
    }),
  ),
  digest: maybe(digests),
  asked: maybe(fc.record({ at: instants, count: counts, retryAt: maybe(instants) })),
  moved: maybe(digests),
  lookedUp: maybe(
    fc.record({ at: instants, count: counts, retryAt: maybe(instants), trouble: maybe(words) }),
  ),
  lacked: maybe(fc.array(words, { maxLength: 3 })),
  version: fc.integer({ min: 1, max: 1_000_000 }),
})
