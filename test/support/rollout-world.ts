import { isDeepStrictEqual } from 'node:util'
import type { AlarmTransition, Verdict } from '../../src/deployment/alarm.ts'
import type { App, Ec2Settings, TargetSettings } from '../../src/deployment/app.ts'
import { ciKey } from '../../src/deployment/choose.ts'
import {
  createHead,
  hasEnded,
  hasPendingRequest,
  hasPendingTakeBack,
  liveRelease,
  type Deployment,
  type Head,
} from '../../src/deployment/head.ts'
import {
  askedAgain,
  compareOrders,
  type CiEvidence,
  type Evidence,
  type PushOrder,
  type Revision,
} from '../../src/deployment/revision.ts'
import type { HookKind } from '../../src/deployment/seen.ts'
import type { Answer, StepRecord } from '../../src/deployment/step.ts'
import { hasStrays } from '../../src/deployment/places.ts'
import { isQuarantined } from '../../src/deployment/quarantine.ts'
import { mergeEvidence } from '../../src/journal/merge-evidence.ts'
import { toInstant, type Instant } from '../../src/kernel/clock.ts'
import {
  Commit,
  Digest,
  Fence,
  InstanceId,
  TargetKey,
  type RevisionId,
} from '../../src/kernel/id.ts'
import type { ForeignFailure } from '../../src/kernel/foreign.ts'
import type { Log } from '../../src/kernel/log.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import type { Label, TagHint } from '../../src/rollout/journal.ts'
import type { Channel, Fact, Telling } from '../../src/deployment/report.ts'
import type { ImageFailure, ReconcilePorts } from '../../src/rollout/ports.ts'
import { unlimited, type Order, type Started, type Target } from '../../src/targets/target.ts'
import { appOf } from './apps.ts'
import {
  answerOf,
  arrive,
  createHost,
  finish,
  type Delivered,
  type Fault,
  type Host,
} from './hosts.ts'

/** Every port call of a run goes through one of these: to count, kill, pause, fail or schedule it. */
export type Call = <Value>(name: string, effect: () => Value) => Promise<Value>

export const plainly: Call = (_name, effect) => Promise.resolve().then(effect)

export const commitAt = (index: number): Commit => Commit.parse(String(index).padStart(40, '0'))
export const digestAt = (index: number): Digest =>
  Digest.parse(`sha256:${String(index).padStart(64, '0')}`)
export const indexOf = (revision: RevisionId): number => Number(revision.replace('sha256:', ''))

export const startOfTime = Date.parse('2026-11-20T10:00:00.000Z')

/** Two pushes share each second, so that the run's number decides between them. */
export const orderAt = (index: number): PushOrder => ({
  createdAt: new Date(startOfTime - 60_000 + Math.floor(index / 2) * 1000).toISOString(),
  number: index,
})

export const ec2 = (changes: Partial<Ec2Settings> = {}): Ec2Settings => ({
  kind: 'ec2',
  key: TargetKey.parse('ec2:Name=lettings'),
  instances: { kind: 'tag', key: 'Name', value: 'lettings' },
  strategy: 'blue-green',
  port: 8000,
  publish: { address: null, port: 80 },
  hosts: ['lettings.example.com'],
  replaces: null,
  predeploy: ['python', 'manage.py', 'migrate'],
  run: { command: [], volumes: [], networks: [], memory: null, stopTimeoutSeconds: 30 },
  holdSeconds: 30,
  health: {
    path: '/',
    host: 'lettings.example.com',
    expect: { from: 200, to: 399 },
    intervalSeconds: 1,
    times: 2,
    timeoutSeconds: 120,
  },
  rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 0 },
  keep: 5,
  drift: 'repair',
  canBeAsked: true,
  isSupported: true,
  ...changes,
})

export interface Settings {
  readonly instances: number
  readonly batch?: number
  readonly targets?: App['targets']
  readonly app?: Partial<App>
}

export const silent: Log = { info: () => {}, warn: () => {}, error: () => {}, with: () => silent }

const withoutSettings = (key: string, value: unknown): unknown =>
  key === 'settings' ? undefined : value

interface InFlight {
  readonly order: Order
  readonly answers: Map<InstanceId, Answer>
}

/**
 * A small world: hosts that behave as the host scripts do, a registry, the journal in memory under
 * its conditions, and a clock that only moves when told to. It watches every write and every send
 * and notes each breach of what must always hold.
 */
export const createWorld = ({ instances, batch = 1, targets, app: changes }: Settings) => {
  const settings = ec2({ rollout: { batch: { kind: 'count', value: batch }, pauseSeconds: 0 } })
  const app = appOf('oc-lettings', {
    waitForSeconds: 7 * 24 * 3600,
    targets: targets ?? [settings],
    ...changes,
  })
  const hosts: Host[] = Array.from({ length: instances }, (_, index) =>
    createHost(InstanceId.parse(`i-0000000${index + 1}`)),
  )
  const hostOf = (id: InstanceId): Host => {
    const host = hosts.find((one) => one.id === id)
    if (host === undefined) throw new Error(`no host ${id}`)
    return host
  }

  let now = startOfTime
  let head: Head = createHead(app.name)
  const writes: Head[] = []
  const revisions = new Map<RevisionId, Revision>()
  const deployments = new Map<number, Deployment>()
  const steps = new Map<string, StepRecord>()
  const commandIndex = new Map<string, string>()
  const certificates = new Map<InstanceId, number>()
  const images = new Map<string, Digest>()
  const labels: Label[] = []
  const unlabelled = new Set<Digest>()
  const fetched: Digest[] = []
  const seen: Record<string, Instant> = {}
  let hint: TagHint | null = null
  let pushes = 0
  const atGithub = new Map<Commit, readonly Evidence[]>()
  const lookUps: { readonly commit: Commit; readonly at: number }[] = []
  let githubTrouble: ForeignFailure | null = null
  let registryTrouble: ImageFailure | null = null
  const commands = new Map<string, InFlight>()
  const events: { readonly at: number; readonly run: () => void }[] = []
  const sends: { readonly fence: number; readonly at: number; readonly order: Order }[] = []
  const breaches: string[] = []
  const upcoming: Fault[] = []
  const unknown = new Set<InstanceId>()
  const broken = new Set<string>()
  let newestOpened = -1
  let isSsmDown = false
  let isCloudWatchDown = false
  let currentSecret = 'version-1'
  const goneSecrets = new Set<string>()
  let areSecretsDown = false
  const firing = new Map<string, string>()
  const judged: { readonly transition: AlarmTransition; readonly verdict: Verdict }[] = []
  const heard: { readonly channel: Channel; readonly fact: Fact; readonly at: string }[] = []
  let answerTelling: (channel: Channel, fact: Fact) => Telling = () => ({ kind: 'told' })

  const breach = (what: string, ...details: unknown[]): void => {
    breaches.push(
      [what, ...details.map((detail) => JSON.stringify(detail, withoutSettings))].join(' '),
    )
  }
  const instant = () => new Date(now).toISOString()

  const advance = (milliseconds: number): void => {
    const until = now + milliseconds
    for (;;) {
      const next = events.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      events.splice(events.indexOf(next), 1)
      now = Math.max(now, next.at)
      next.run()
    }
    now = until
  }

  const deliver = (command: InFlight, delivered: Delivered, id: InstanceId): void => {
    const host = hostOf(id)
    const settle = (answer: Answer): void => {
      // The certificate is in the answer; the reader of the answer records it.
      command.answers.set(id, answer)
    }
    const answer = arrive(host, delivered, now)
    if ('outcome' in answer) {
      settle(answer)
      return
    }
    events.push({
      at: answer.doneAt,
      run: () => {
        const done = finish(host, delivered, now)
        if (done !== null) settle(done)
      },
    })
  }

  const checkOrder = (order: Order): void => {
    const earlier = sends.find(({ fence }) => fence === order.fence)?.order
    const same = (one: Order) => [
      one.purpose,
      one.generation,
      one.release,
      one.target,
      one.instances,
      one.predeployOn,
      one.notAfter,
    ]
    if (earlier !== undefined && !isDeepStrictEqual(same(earlier), same(order)))
      breach('two different orders under one fence', earlier, order)
    if (order.predeployOn !== null && !order.instances.includes(order.predeployOn))
      breach('predeploy is ordered of an instance that is not to run it', order)
  }

  const isBrokenOn = ({ release }: Order, id: InstanceId): boolean =>
    release !== null && broken.has(`${release.digest} ${id}`)

  const start = (order: Order): Started => {
    if (isSsmDown) throw new Retryable('SSM is down')
    const isNew = order.purpose === 'deploy' && order.release?.generation === order.generation
    if (areSecretsDown && isNew) throw new Retryable('Secrets Manager is down')
    checkOrder(order)
    sends.push({ fence: order.fence, at: now, order })
    const online = order.instances.filter((id) => hostOf(id).online)
    const missing = order.instances
      .filter((id) => !online.includes(id))
      .map((id) => answerOf(id, 'failed', 'instance_offline'))
    if (online.length === 0) return { operation: null, missing }
    const command = { order, answers: new Map<InstanceId, Answer>() }
    const operation = `command-${commands.size + 1}`
    commands.set(operation, command)
    for (const id of online) {
      const isBroken = order.purpose === 'deploy' && isBrokenOn(order, id)
      const fault = isBroken ? 'fails' : (upcoming.shift() ?? 'none')
      const key = order.purpose === 'prepare' ? null : (certificates.get(id) ?? null)
      const delay = fault === 'late' ? 60_000 : 100
      const delivered = { order, key, fault }
      events.push({ at: now + delay, run: () => deliver(command, delivered, id) })
    }
    return { operation, missing }
  }

  const observe = (order: Order, operation: string): readonly Answer[] => {
    if (isSsmDown) throw new Retryable('SSM is down')
    const answers = commands.get(operation)?.answers
    return order.instances.map((id) => {
      const answer = answers?.get(id)
      if (answer === undefined) return answerOf(id, 'waiting', null)
      if (answer.reason === 'key_changed') certificates.delete(id)
      if (order.purpose === 'prepare' && answer.outcome === 'succeeded')
        certificates.set(id, hostOf(id).key)
      return answer
    })
  }

  const checkEnding = (after: Head, ended: Deployment): void => {
    if (ended.reason === null || ended.endedAt === null) breach('ended without a reason', ended)
    const live = liveRelease(after)?.generation ?? null
    for (const { id, status } of ended.instances) {
      if (status === 'unknown') unknown.add(id)
      if (status === 'succeeded' || status === 'restored') unknown.delete(id)
      // Nobody waits for whom it did not get to, or could not be asked.
      if (ended.kind === 'converge' && status !== 'succeeded') unknown.add(id)
      // Who was offline follows when it is back.
      if (ended.kind === 'rollback' && status === 'failed') unknown.add(id)
      // A rollback that fails leaves who went back where it is.
      if (ended.kind === 'rollback' && ended.status === 'failed') {
        unknown.add(id)
        continue
      }
      // What else than hosts an app runs on looks after itself.
      if (!hosts.some((host) => host.id === id)) continue
      const serving = hostOf(id).serving?.generation ?? null
      if (!unknown.has(id) && serving !== live)
        breach(`${id} serves ${serving} where ${live} is live`, ended)
    }
    // Of a rollback, who could not be reached follows when it can.
    if (
      ended.status === 'succeeded' &&
      ended.instances.some(
        ({ status, touched }) => status !== 'succeeded' && (ended.kind !== 'rollback' || touched),
      )
    )
      breach('succeeded without an instance', ended)
  }

  /** One a suspect, and never of a rollback. */
  const checkRollback = ({ generation, takesBack, by }: Deployment): void => {
    const suspect = deployments.get(takesBack ?? 0)
    if (suspect === undefined) return breach('a rollback of nothing that was', takesBack)
    if (!by.startsWith('alarm')) return
    if (suspect.kind === 'rollback') breach('an alarm took a rollback back', suspect)
    for (const other of deployments.values())
      if (other.takesBack === takesBack && other.status === 'succeeded')
        breach(`${generation} took ${takesBack} back again`, other)
  }

  /** It brings nothing but what is live, and only to who does not serve it, as far as anybody knows. */
  const checkConvergence = (before: Head, { release, generation }: Deployment): void => {
    const live = liveRelease(before)
    if (!isDeepStrictEqual(release, live) || generation !== live?.generation)
      breach('a convergence to what is not live', release)
    if (isQuarantined(before, release)) breach('a convergence to what is quarantined', release)
    if (hasPendingTakeBack(before) || hasPendingRequest(before))
      breach('a convergence in the way', before.takeBack, before.request)
  }

  const checkOpened = (before: Head, opened: Deployment): void => {
    if (opened.kind === 'converge') return checkConvergence(before, opened)
    if (opened.generation !== before.generation + 1) breach('a number was left out', opened)
    const index = indexOf(opened.release.revision)
    if (opened.kind === 'deploy' && index <= newestOpened)
      breach(`commit ${index} went out by itself after ${newestOpened}`)
    newestOpened = Math.max(newestOpened, index)
    if (opened.kind === 'deploy' && isQuarantined(before, opened.release))
      breach('what is quarantined went out by itself', opened)
    if (before.freeze !== null && opened.kind === 'deploy')
      breach('a frozen app opened by itself', opened)
    if (opened.kind === 'rollback') checkRollback(opened)
  }

  const checkMoved = (before: Head, was: Deployment, is: Deployment): void => {
    if (is.generation !== was.generation) breach('two deployments are open', was, is)
    const frozen = (one: Deployment) => [
      one.release,
      one.openedAt,
      one.deadlineAt,
      one.kind,
      one.by,
    ]
    if (!isDeepStrictEqual(frozen(was), frozen(is))) breach('a frozen fact changed', was, is)
    if (hasEnded(was) && !isDeepStrictEqual(was, is)) breach('an ending changed', was, is)
    for (const instance of is.instances) {
      const status = was.instances.find(({ id }) => id === instance.id)?.status
      const isTold = instance.status === 'succeeded' || instance.status === 'restored'
      const isOnlyAsked = is.kind === 'converge' && !instance.touched
      if (!isTold || isOnlyAsked || status === instance.status) continue
      const step = steps.get(`${is.generation} ${instance.id} ${before.deployment?.intent?.fence}`)
      if (step?.outcome !== 'succeeded') breach('the head knew before the history', instance)
    }
  }

  const checkWrite = (before: Head, after: Head): void => {
    if (after.version <= before.version) breach('the version did not rise', before, after)
    const { mark } = before
    if (mark !== null && (after.mark === null || compareOrders(after.mark, mark) < 0))
      breach('the mark went down', before, after)
    const [was, is] = [before.deployment, after.deployment]
    if (was === null && is !== null) checkOpened(before, is)
    if (was !== null && is !== null) checkMoved(before, was, is)
    if (was !== null && is === null && !deployments.has(was.generation))
      breach('let go before it was in the history', was)
    if (is !== null && hasEnded(is) && (was === null || !hasEnded(was))) checkEnding(after, is)
    const intent = is?.intent ?? null
    if (
      intent !== null &&
      Date.parse(intent.deadlineAt) - Date.parse(intent.at) < intent.hostSeconds * 1000
    )
      breach('the host may run longer than its command is good for', intent)
    const fence = intent?.fence
    if (fence !== undefined && fence !== was?.intent?.fence && fence !== after.version)
      breach('an intent whose fence is not the version of its write', after)
  }

  const record = (next: Head, expected: number): 'recorded' | 'conflict' => {
    if (head.version !== expected) return 'conflict'
    checkWrite(head, next)
    head = next
    writes.push(next)
    return 'recorded'
  }

  const replaceRevision = (revision: Revision): 'recorded' | 'conflict' => {
    if (revisions.get(revision.id)?.version !== revision.version) return 'conflict'
    revisions.set(revision.id, { ...revision, version: revision.version + 1 })
    return 'recorded'
  }

  const tell = (channel: Channel, fact: Fact): Telling => {
    const telling = answerTelling(channel, fact)
    if (telling.kind === 'told') heard.push({ channel, fact, at: instant() })
    return telling
  }

  const recordDeployment = (deployment: Deployment): void => {
    const earlier = deployments.get(deployment.generation)
    // As the journal does it: that it was taken back since is not undone.
    if (earlier !== undefined && earlier.rolledBackBy !== null) return
    if (earlier !== undefined && !isDeepStrictEqual(earlier, deployment))
      breach('two endings in the history', earlier, deployment)
    if (!hasEnded(deployment)) breach('an open deployment in the history', deployment)
    deployments.set(deployment.generation, deployment)
  }

  const takeIn = (id: RevisionId, evidence: Evidence): 'recorded' | 'unchanged' => {
    const known = revisions.get(id)
    const fresh: Revision = {
      app: app.name,
      id,
      commit: Commit.safeParse(id).data ?? null,
      status: 'waiting',
      reason: null,
      firstSeenAt: instant(),
      waitingSince: instant(),
      ci: {},
      push: null,
      image: null,
      digest: null,
      asked: null,
      lookedUp: null,
      lacked: null,
      version: 0,
    }
    const merged = mergeEvidence(known ?? fresh, evidence, instant())
    if (merged === null) return 'unchanged'
    revisions.set(id, { ...merged, version: merged.version + 1 })
    return 'recorded'
  }
  const receive = (id: RevisionId, evidence: Evidence): void => void takeIn(id, evidence)

  const waiting = () => [...revisions.values()].filter(({ status }) => status === 'waiting')

  const toTarget = (call: Call, { key }: TargetSettings): Target => ({
    candidates: () =>
      call('candidates', () =>
        hosts.map(({ id, online }) => ({
          id,
          target: key,
          obstacle: online ? null : ('instance_offline' as const),
        })),
      ),
    capacity: () => call('capacity', () => unlimited),
    prepared: (ids) => call('prepared', () => ids.filter((id) => certificates.has(id))),
    start: (order) => call('start', () => start(order)),
    observe: (order, operation) => call('observe', () => observe(order, operation)),
    cancel: () => call('cancel', () => {}),
  })

  const toPorts = (call: Call): ReconcilePorts => ({
    heads: {
      load: () => call('heads.load', () => head),
      record: (next, expected) => call('heads.record', () => record(next, expected)),
      listOpen: () =>
        call('heads.listOpen', () =>
          head.deployment !== null ||
          hasPendingRequest(head) ||
          hasPendingTakeBack(head) ||
          head.owed.length > 0 ||
          head.alarmsUntil !== null ||
          hasStrays(head) ||
          waiting().length > 0
            ? [app.name]
            : [],
        ),
    },
    revisions: {
      loadWaiting: () => call('revisions.loadWaiting', waiting),
      load: (_app, id) => call('revisions.load', () => revisions.get(id) ?? null),
      recordStatus: (revision, status, reason) =>
        call('revisions.recordStatus', () => replaceRevision({ ...revision, status, reason })),
      recordAsked: (revision, found, at) =>
        call('revisions.recordAsked', () => {
          const { digest, reason, wait } = found.ok
            ? { digest: found.value, reason: null, wait: null }
            : { digest: null, reason: found.error.reason, wait: found.error.retryAfterSeconds }
          replaceRevision({
            ...revision,
            digest,
            reason,
            asked: askedAgain(revision.asked, at, wait),
          })
        }),
      recordLookedUp: (revision, failure, at) =>
        call('revisions.recordLookedUp', () => {
          const wait = failure?.kind === 'later' ? failure.afterSeconds : null
          const asked = askedAgain(revision.lookedUp, at, wait)
          const lookedUp = { ...asked, trouble: failure?.why ?? null }
          replaceRevision({ ...revision, lookedUp })
        }),
    },
    findEvidence: (_app, commit) =>
      call('findEvidence', () => {
        lookUps.push({ commit, at: now })
        const found = githubTrouble === null ? (atGithub.get(commit) ?? []) : []
        return { found, failure: githubTrouble }
      }),
    recordEvidence: (_app, id, _commit, evidence) =>
      call('recordEvidence', () => takeIn(id, evidence)),
    tags: {
      load: () => call('tags.load', () => hint),
      recordAsked: (_app, one, { retryAfterSeconds }, at) =>
        call('tags.recordAsked', () => {
          if (hint?.pushes === one.pushes)
            hint = { ...one, asked: askedAgain(one.asked, at, retryAfterSeconds) }
        }),
      settle: (_app, one) =>
        call('tags.settle', () => {
          if (hint?.pushes === one.pushes) hint = null
        }),
    },
    seen: { load: () => call('seen.load', () => seen) },
    labels: {
      load: () => call('labels.load', () => [...labels].reverse()),
      record: (_app, label) => call('labels.record', () => void labels.push(label)),
    },
    history: {
      recordDeployment: (_app, deployment) =>
        call('history.recordDeployment', () => recordDeployment(deployment)),
      recordRolledBack: (_app, generation, by) =>
        call('history.recordRolledBack', () => {
          const taken = deployments.get(generation)
          if (taken !== undefined)
            deployments.set(generation, { ...taken, status: 'rolled_back', rolledBackBy: by })
        }),
      recordSteps: (_app, records) =>
        call('history.recordSteps', () => {
          for (const one of records)
            steps.set(`${one.generation} ${one.instance} ${one.fence}`, one)
        }),
      loadDeployments: () => call('history.loadDeployments', () => [...deployments.values()]),
      loadSteps: (_app, generation) =>
        call('history.loadSteps', () =>
          [...steps.values()].filter((one) => one.generation === generation),
        ),
    },
    commands: {
      recordCommand: (command, name) =>
        call('commands.recordCommand', () => {
          commandIndex.set(command, name)
        }),
      findApp: () => call('commands.findApp', () => app.name),
    },
    images: {
      findDigest: (_app, tag) =>
        call('findDigest', () => {
          if (registryTrouble !== null) return fail(registryTrouble)
          const digest = images.get(tag) ?? [...images.values()].find((one) => one === tag)
          return digest === undefined
            ? fail({ reason: 'image_missing', retryAfterSeconds: null })
            : succeed(digest)
        }),
      findCommit: (_app, digest) =>
        call('findCommit', () => {
          fetched.push(digest)
          return succeed(unlabelled.has(digest) ? null : commitAt(indexOf(digest)))
        }),
    },
    readSecretVersion: () =>
      call('readSecretVersion', () => {
        if (areSecretsDown) throw new Retryable('Secrets Manager is down')
        return succeed(currentSecret)
      }),
    hasSecretVersion: (_name, version) =>
      call('hasSecretVersion', () => {
        if (areSecretsDown) throw new Retryable('Secrets Manager is down')
        return !goneSecrets.has(version)
      }),
    readFiring: (names) =>
      call('readFiring', () => {
        if (isCloudWatchDown) throw new Retryable('CloudWatch is down')
        return names.flatMap((alarm) => {
          const at = firing.get(alarm)
          return at === undefined ? [] : [{ alarm, at }]
        })
      }),
    chronicle: {
      recordAlarm: (_app, transition, verdict) =>
        call('chronicle.recordAlarm', () => {
          judged.push({ transition, verdict })
        }),
    },
    tell: (channel, fact) => call('tell', () => tell(channel, fact)),
    toTarget: (one) => toTarget(call, one),
    clock: () => new Date(now),
    sleep: (milliseconds) => call('sleep', () => advance(milliseconds)),
    log: silent,
  })

  return {
    app,
    hosts,
    hostOf,
    advance,
    toPorts,
    receive,
    breaches,
    sends,
    writes,
    deployments,
    steps,
    revisions,
    certificates,
    upcoming,
    now: () => now,
    instant,
    head: () => head,
    setSsm: (isUp: boolean) => {
      isSsmDown = !isUp
    },
    pushImage: (index: number) => {
      images.set(commitAt(index), digestAt(index))
    },
    /** The image comes up nowhere, or not on these hosts. */
    breakImage: (index: number, on: readonly Host[] = hosts) => {
      for (const { id } of on) broken.add(`${digestAt(index)} ${id}`)
    },
    isBroken: (index: number, id: InstanceId) => broken.has(`${digestAt(index)} ${id}`),
    /** The image under a tag that carries no commit. */
    moveTag: (index: number, tag = 'latest') => {
      images.set(tag, digestAt(index))
      images.set(`kept ${index}`, digestAt(index))
    },
    /** The registry's hook tells of it, to the second. */
    announceTag: (tag = 'latest') => {
      const seenAt = toInstant(new Date(Math.floor(Date.parse(instant()) / 1000) * 1000))
      pushes += 1
      hint = { image: { kind: 'image', tag, seenAt }, pushes, asked: null }
    },
    /** The image was built without the label that names its commit. */
    unlabel: (index: number) => {
      unlabelled.add(digestAt(index))
    },
    /** The webhook has taken an event of this kind. */
    see: (kind: HookKind) => {
      seen[kind] = instant()
    },
    hint: () => hint,
    /** What GitHub's API tells of a commit, whether or not a hook has brought it. */
    atGithub,
    /** When GitHub was asked about which commit. */
    lookUps,
    setGithubTrouble: (trouble: ForeignFailure | null) => {
      githubTrouble = trouble
    },
    /** The images whose label was read, each time it was. */
    fetched,
    setRegistryTrouble: (trouble: ImageFailure | null) => {
      registryTrouble = trouble
    },
    hasImage: (index: number) => images.has(commitAt(index)),
    judged,
    /** What the channels were told, in order. */
    heard,
    firing,
    goneSecrets,
    setSecret: (version: string) => {
      currentSecret = version
    },
    /** Whether any secret can be read; a new container cannot be had without. */
    setSecrets: (areUp: boolean) => {
      areSecretsDown = !areUp
    },
    setCloudWatch: (isUp: boolean) => {
      isCloudWatchDown = !isUp
    },
    setTelling: (answer: typeof answerTelling) => {
      answerTelling = answer
    },
    /** An operator's write, as `freeze` and `unfreeze` make it. */
    change: (changes: Partial<Head>) => {
      const next = { ...head, ...changes, version: Fence.parse(head.version + 1) }
      record(next, head.version)
    },
    runOf: (index: number, attempt: number, conclusion: CiEvidence['conclusion']): CiEvidence => ({
      kind: 'ci',
      ci: 'github',
      workflow: 'CI',
      runId: String(index),
      runNumber: orderAt(index).number,
      attempt,
      createdAt: orderAt(index).createdAt,
      conclusion,
    }),
    isUnknown: (id: InstanceId) => unknown.has(id),
    newestOpened: () => newestOpened,
    ciOf: (index: number) => revisions.get(commitAt(index))?.ci[ciKey('github', 'CI')] ?? null,
  }
}

export type World = ReturnType<typeof createWorld>
