import { ciKey } from './frozen/deployment/choose.ts'
import type { TargetSettings } from './frozen/deployment/app.ts'
import type { Channel, Fact, Telling } from './frozen/deployment/report.ts'
import { askedAgain, type Evidence, type Revision } from './frozen/deployment/revision.ts'
import type { Answer } from './frozen/deployment/step.ts'
import { mergeEvidence } from './frozen/journal/merge-evidence.ts'
import { Commit, type Digest, type InstanceId, type RevisionId } from './frozen/kernel/id.ts'
import type { Log } from './frozen/kernel/log.ts'
import { fail, succeed } from './frozen/kernel/result.ts'
import type { Label, TagHint } from './frozen/rollout/journal.ts'
import { answerOf } from './frozen/support/hosts.ts'
import { unlimited } from './frozen/targets/target.ts'
import {
  arriveAt,
  createMachines,
  fateOf,
  finishAt,
  raiseFences,
  type Delivery,
  type Machine,
} from './hosts.ts'
import { hash } from './random.ts'
import { commitAt, indexOf, name } from './settings.ts'
import type { Command, DeploymentRecord, Ports, Side, Started, StepEntry } from './side.ts'
import type { Service, Setup } from './story.ts'
import { createTrace } from './trace.ts'

/** Every port call of a run goes through one of these, where it may die, throw or pause. */
export type Call = <Value>(place: string, effect: () => Value) => Promise<Value>

export const plainly: Call = (_place, effect) => Promise.resolve().then(effect)

export const startOfTime = Date.parse('2026-11-20T10:00:00.000Z')

const silent: Log = { info: () => {}, warn: () => {}, error: () => {}, with: () => silent }

/** All that is lost or brought back with the table. */
interface Journal<Head> {
  readonly head: Head | null
  readonly version: number
  readonly revisions: ReadonlyMap<RevisionId, Revision>
  readonly certificates: ReadonlyMap<InstanceId, number>
  readonly labels: readonly Label[]
  readonly hint: TagHint | null
  readonly seen: Readonly<Record<string, string>>
  readonly deployments: ReadonlyMap<number, DeploymentRecord>
}

interface InFlight {
  readonly command: Command
  readonly answers: Map<InstanceId, Answer>
}

const showRelease = (release: Command['release']): string =>
  release === null
    ? 'nothing'
    : `${release.generation} image ${indexOf(release.digest)} ${release.secretVersion ?? '-'} ${release.settings}`

/** The outside of the core, for one side and one story: the journal, hosts, channels and the clock. */
export const createWorld = <Head>(setup: Setup, side: Side<Head>) => {
  const machines = createMachines(setup)
  const trace = createTrace()
  const down = new Set<Service>()
  const images = new Map<string, Digest>()
  const unlabelled = new Set<Digest>()
  const broken = new Set<string>()
  const firing = new Map<string, string>()
  const goneSecrets = new Set<string>()
  const atGithub = new Map<Commit, readonly Evidence[]>()
  const inFlight = new Map<string, InFlight>()
  const arrivals: { readonly at: number; readonly run: () => void }[] = []
  const tellings = new Map<string, number>()
  const told = new Set<string>()

  let now = startOfTime
  let isCalm = false
  let epoch = 0
  let capacity = Infinity
  let secret = 1
  let isSecretThere = true
  let pushes = 0
  const commandNumbers = new Map<string, number>()
  const fences = new Map<number, number>()
  let journal: Journal<Head> = {
    head: null,
    version: 0,
    revisions: new Map(),
    certificates: new Map(),
    labels: [],
    hint: null,
    seen: {},
    deployments: new Map(),
  }
  let backup: Journal<Head> | null = null

  const instant = () => new Date(now).toISOString()
  const retryable = (what: string): Error => side.retryable(`${what} is down`)

  const advance = (milliseconds: number): void => {
    const until = now + milliseconds
    for (;;) {
      let next = arrivals[0]
      for (const one of arrivals) if (next === undefined || one.at < next.at) next = one
      if (next === undefined || next.at > until) break
      arrivals.splice(arrivals.indexOf(next), 1)
      now = Math.max(now, next.at)
      next.run()
    }
    now = until
  }

  const change = (changes: Partial<Journal<Head>>): void => {
    journal = { ...journal, ...changes }
  }

  // Hosts

  const machineOf = (id: InstanceId): Machine => {
    const machine = machines.find(({ host }) => host.id === id)
    if (machine === undefined) throw new Error(`no host ${id}`)
    return machine
  }
  const isReachable = ({ host, isThere }: Machine): boolean => isThere && host.online

  const selectedBy = (settings: TargetSettings): readonly Machine[] =>
    machines.filter(({ fleet }) =>
      settings.kind === 'ec2'
        ? settings.instances.kind === 'tag' && fleet === settings.instances.value
        : fleet === null,
    )

  const deliver = (flight: InFlight, delivery: Delivery): void => {
    const { id } = delivery.machine.host
    const answer = arriveAt(delivery, now)
    if ('outcome' in answer) {
      flight.answers.set(id, answer)
      return
    }
    arrivals.push({
      at: answer.doneAt,
      run: () => {
        const done = finishAt(setup, delivery, now)
        if (done !== null) flight.answers.set(id, done)
      },
    })
  }

  const noteCommand = (command: Command): void => {
    const { purpose, kind, generation, fence, release, instances, predeployOn } = command
    // A journal that was restored gives out a number once more, for another command.
    const key = [fence, command.since, purpose, generation, ...instances].join(' ')
    const known = commandNumbers.get(key)
    const number = known ?? commandNumbers.size + 1
    commandNumbers.set(key, number)
    fences.set(fence, number)
    trace.commands.push(
      [
        `#${number}${known === undefined ? '' : ' again'}`,
        `${purpose}/${kind} of ${generation}: ${showRelease(release)}`,
        `at target ${command.target} of ${command.settings}`,
        `to ${instances.join(' ')}`,
        ...(predeployOn === null ? [] : [`predeploy on ${predeployOn}`]),
        ...(command.numberedAt === null ? [] : ['numbered']),
      ].join(', '),
    )
    trace.limits.push(command.hostSeconds)
  }

  const start = (command: Command): Started => {
    if (down.has('ssm')) throw retryable('SSM')
    const { purpose, release, generation } = command
    const isNew = purpose === 'deploy' && release?.generation === generation
    if (down.has('secrets') && isNew && setup.hasSecret) throw retryable('Secrets Manager')
    noteCommand(command)
    const reached = command.instances.filter((id) => isReachable(machineOf(id)))
    const missing = command.instances
      .filter((id) => !reached.includes(id))
      .map((id) => answerOf(id, 'failed', 'instance_offline'))
    if (reached.length === 0) return { operation: null, missing }
    const flight: InFlight = { command, answers: new Map() }
    const operation = `command-${inFlight.size + 1}`
    inFlight.set(operation, flight)
    for (const id of reached) {
      const machine = machineOf(id)
      const drawn = isCalm ? 'none' : fateOf(setup, machine, command, epoch)
      const isBroken = release !== null && broken.has(`${release.digest} ${id}`)
      const fate = isBroken && purpose === 'deploy' ? 'fails' : drawn
      const key = purpose === 'prepare' ? null : (journal.certificates.get(id) ?? null)
      const at = now + (fate === 'late' ? 60_000 : 100)
      arrivals.push({ at, run: () => deliver(flight, { machine, command, fate, key }) })
    }
    return { operation, missing }
  }

  const observe = (
    { purpose, instances }: Pick<Command, 'purpose' | 'instances'>,
    operation: string,
  ): readonly Answer[] => {
    if (down.has('ssm')) throw retryable('SSM')
    const answers = inFlight.get(operation)?.answers
    const certificates = new Map(journal.certificates)
    const seen = instances.map((id) => {
      const answer = answers?.get(id)
      if (answer === undefined) return answerOf(id, 'waiting', null)
      if (answer.reason === 'key_changed') certificates.delete(id)
      if (purpose === 'prepare' && answer.outcome === 'succeeded')
        certificates.set(id, machineOf(id).host.key)
      return answer
    })
    change({ certificates })
    return seen
  }

  const cancel = (operation: string): void => {
    const command = inFlight.get(operation)?.command
    trace.cancels.push(
      command === undefined
        ? `unknown ${operation}`
        : `#${fences.get(command.fence) ?? '?'} ${command.purpose} of ${command.generation}`,
    )
  }

  // The journal

  const record = (head: Head, version: number, expected: number): 'recorded' | 'conflict' => {
    if (journal.version !== expected) return 'conflict'
    change({ head, version })
    return 'recorded'
  }

  const putRevision = (revision: Revision): void =>
    change({
      revisions: new Map(journal.revisions).set(revision.id, {
        ...revision,
        version: revision.version + 1,
      }),
    })

  const replaceRevision = (revision: Revision): 'recorded' | 'conflict' => {
    const known = journal.revisions.get(revision.id)
    if (known?.version !== revision.version) return 'conflict'
    if (known.status !== revision.status) {
      const { id, status, reason, lacked } = revision
      trace.revisions.push(`${Number(id.slice(-4))} ${status} ${reason} ${lacked?.join() ?? ''}`)
    }
    putRevision(revision)
    return 'recorded'
  }

  const takeIn = (id: RevisionId, evidence: Evidence): 'recorded' | 'unchanged' => {
    const fresh: Revision = {
      app: name,
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
    const merged = mergeEvidence(journal.revisions.get(id) ?? fresh, evidence, instant())
    if (merged === null) return 'unchanged'
    putRevision(merged)
    return 'recorded'
  }

  const showDeployment = (one: DeploymentRecord): string => {
    const { release, instances, ...rest } = one
    return JSON.stringify([rest, release, instances])
  }

  const recordDeployment = (deployment: DeploymentRecord): void => {
    const known = journal.deployments.get(deployment.generation)
    // As the journal does it: that it was taken back since is not undone.
    if (known !== undefined && known.rolledBackBy !== null) return
    if (known === undefined || showDeployment(known) !== showDeployment(deployment))
      trace.deployments.push(showDeployment(deployment))
    change({
      deployments: new Map(journal.deployments).set(deployment.generation, deployment),
    })
  }

  const recordRolledBack = (generation: number, by: number): void => {
    const known = journal.deployments.get(generation)
    if (known === undefined || known.rolledBackBy === by) return
    const next = { ...known, status: 'rolled_back', rolledBackBy: by }
    trace.deployments.push(`${generation} rolled back by ${by}`)
    change({ deployments: new Map(journal.deployments).set(generation, next) })
  }

  const recordStep = (entry: StepEntry): void => {
    const { generation, instance, fence, purpose, outcome, reason, message } = entry
    const key = `${epoch} ${generation} ${instance} ${fence}`
    const what = `${generation} ${instance} #${fences.get(fence) ?? '?'}`
    trace.steps.set(key, `${epoch}: ${what} ${purpose} ${outcome} ${reason} ${message}`)
  }

  // Channels

  const tell = (channel: Channel, fact: Fact): Telling => {
    const { kind, by, reason, message, deployment } = fact
    const what = JSON.stringify([kind, by, reason, message, deployment])
    const key = `${channel} ${what}`
    const nth = (tellings.get(key) ?? 0) + 1
    tellings.set(key, nth)
    const draw = hash(setup.seed, 'telling', key, nth)
    if (!isCalm && draw % 100 < setup.untoldPercent) {
      const rest = Math.floor(draw / 100)
      if (rest % 4 === 0) return { kind: 'refused', why: 'it answered 403' }
      if (rest % 4 === 1) throw new Error('the channel crashed')
      return { kind: 'later', why: 'it is busy', afterSeconds: rest % 4 === 2 ? null : 120 }
    }
    const id = `${fact.id} ${what} ${channel}`
    if (told.has(id)) return { kind: 'told' }
    told.add(id)
    const about = `${channel} ${deployment?.generation ?? 'the app'}`
    trace.notices.set(about, [...(trace.notices.get(about) ?? []), what])
    return { kind: 'told' }
  }

  const toTarget = (call: Call, settings: TargetSettings): ReturnType<Ports<Head>['toTarget']> => ({
    candidates: () =>
      call('candidates', () =>
        selectedBy(settings)
          .filter(({ isThere }) => isThere)
          .map(({ host }) => ({
            id: host.id,
            obstacle: host.online ? null : ('instance_offline' as const),
          })),
      ),
    capacity: () =>
      call('capacity', () => {
        if (settings.kind !== 'ec2' || capacity === Infinity) return unlimited
        const message = capacity === 0 ? 'the secret is too large' : null
        return { instances: capacity, message }
      }),
    prepared: (ids) =>
      call('prepared', () =>
        ids.filter((id) => machineOf(id).fleet === null || journal.certificates.has(id)),
      ),
    start: (command) => call(`start ${command.purpose}`, () => start(command)),
    observe: (command, operation) => call('observe', () => observe(command, operation)),
    cancel: (operation) => call('cancel', () => cancel(operation)),
  })

  const toPorts = (call: Call): Ports<Head> => ({
    heads: {
      load: () => call('heads.load', () => journal.head),
      record: (head, version, expected) =>
        call('heads.record', () => record(head, version, expected)),
      listOpen: () => call('heads.listOpen', () => [name]),
    },
    revisions: {
      loadWaiting: () =>
        call('loadWaiting', () =>
          [...journal.revisions.values()].filter(({ status }) => status === 'waiting'),
        ),
      load: (_app, id) => call('revisions.load', () => journal.revisions.get(id) ?? null),
      recordStatus: (revision, status, reason) =>
        call('recordStatus', () => replaceRevision({ ...revision, status, reason })),
      recordAsked: (revision, found, at) =>
        call('recordAsked', () => {
          const { digest, reason, wait } = found.ok
            ? { digest: found.value, reason: null, wait: null }
            : { digest: null, reason: found.error.reason, wait: found.error.retryAfterSeconds }
          const asked = askedAgain(revision.asked, at, wait)
          replaceRevision({ ...revision, digest, reason, asked })
        }),
      recordLookedUp: (revision, failure, at) =>
        call('recordLookedUp', () => {
          const wait = failure?.kind === 'later' ? failure.afterSeconds : null
          const asked = askedAgain(revision.lookedUp, at, wait)
          replaceRevision({ ...revision, lookedUp: { ...asked, trouble: failure?.why ?? null } })
        }),
    },
    findEvidence: (_app, commit) =>
      call('findEvidence', () => {
        trace.lookUps.push(`GitHub about ${Number(commit)}`)
        if (!down.has('github')) return { found: atGithub.get(commit) ?? [], failure: null }
        const failure = { kind: 'later', why: 'it answered 500', afterSeconds: null } as const
        return { found: [], failure }
      }),
    recordEvidence: (_app, id, _commit, evidence) =>
      call('recordEvidence', () => takeIn(id, evidence)),
    tags: {
      load: () => call('tags.load', () => journal.hint),
      recordAsked: (_app, one, { retryAfterSeconds }, at) =>
        call('tags.recordAsked', () => {
          if (journal.hint?.pushes === one.pushes)
            change({ hint: { ...one, asked: askedAgain(one.asked, at, retryAfterSeconds) } })
        }),
      settle: (_app, one) =>
        call('tags.settle', () => {
          if (journal.hint?.pushes === one.pushes) change({ hint: null })
        }),
    },
    seen: { load: () => call('seen.load', () => journal.seen) },
    labels: {
      load: () => call('labels.load', () => journal.labels.toReversed()),
      record: (_app, label) =>
        call('labels.record', () => change({ labels: [...journal.labels, label] })),
    },
    history: {
      recordDeployment: (one) => call('recordDeployment', () => recordDeployment(one)),
      recordRolledBack: (generation, by) =>
        call('recordRolledBack', () => recordRolledBack(generation, by)),
      recordSteps: (entries) => call('recordSteps', () => entries.forEach(recordStep)),
    },
    commands: {
      recordCommand: () => call('recordCommand', () => {}),
      findApp: () => call('findApp', () => name),
    },
    images: {
      findDigest: (_app, tag) =>
        call('findDigest', () => {
          if (down.has('registry'))
            return fail({ reason: 'registry_unavailable', retryAfterSeconds: 40 })
          const digest = images.get(tag) ?? [...images.values()].find((one) => one === tag)
          return digest === undefined
            ? fail({ reason: 'image_missing', retryAfterSeconds: null })
            : succeed(digest)
        }),
      findCommit: (_app, digest) =>
        call('findCommit', () => {
          trace.lookUps.push(`the label of image ${indexOf(digest)}`)
          return succeed(unlabelled.has(digest) ? null : commitAt(indexOf(digest)))
        }),
    },
    readSecretVersion: () =>
      call('readSecretVersion', () => {
        if (down.has('secrets')) throw retryable('Secrets Manager')
        return isSecretThere ? succeed(`secret-${secret}`) : fail('secret_missing')
      }),
    hasSecretVersion: (_name, version) =>
      call('hasSecretVersion', () => {
        if (down.has('secrets')) throw retryable('Secrets Manager')
        return !goneSecrets.has(version)
      }),
    readFiring: (names) =>
      call('readFiring', () => {
        if (down.has('cloudwatch')) throw retryable('CloudWatch')
        return names.flatMap((alarm) => {
          const at = firing.get(alarm)
          return at === undefined ? [] : [{ alarm, at }]
        })
      }),
    chronicle: {
      recordOperation: (kind, id, by, detail) =>
        call('recordOperation', () => {
          trace.operations.push(`${id} ${kind} by ${by} ${JSON.stringify(detail)}`)
        }),
      recordAlarm: (transition, verdict) =>
        call('recordAlarm', () => {
          trace.alarms.add(JSON.stringify([epoch, transition, verdict]))
        }),
    },
    tell: (channel, fact) => call('tell', () => tell(channel, fact)),
    toTarget: (settings) => toTarget(call, settings),
    clock: () => new Date(now),
    // Whoever sleeps wakes at a full second: how often it looked before leaves no trace.
    sleep: () => call('sleep', () => advance(1000 - (now % 1000))),
    log: silent,
  })

  return {
    machines,
    trace,
    toPorts,
    advance,
    now: () => now,
    instant,
    isReachable,
    receive: (id: RevisionId, evidence: Evidence): void => void takeIn(id, evidence),
    images,
    unlabelled,
    broken,
    firing,
    atGithub,
    down,
    hasRun: (index: number, ci: string, workflow: string) =>
      journal.revisions.get(commitAt(index))?.ci[ciKey(ci, workflow)] !== undefined,
    announceTag: (tag: string, seenAt: string): void => {
      pushes += 1
      change({ hint: { image: { kind: 'image', tag, seenAt }, pushes, asked: null } })
    },
    see: (kind: string): void => change({ seen: { ...journal.seen, [kind]: instant() } }),
    setCapacity: (instances: number): void => {
      capacity = instances
    },
    setSecret: (isThere: boolean): void => {
      isSecretThere = isThere
    },
    rotateSecret: (): void => {
      secret += 1
    },
    /** All versions of the secret but today's. */
    dropSecrets: (): void => {
      for (let old = 1; old < secret; old += 1) goneSecrets.add(`secret-${old}`)
    },
    backUp: (): void => {
      backup = journal
    },
    /** The table as it was at the last backup; hosts and services go on as they are. */
    restore: (): boolean => {
      if (backup === null) return false
      journal = backup
      epoch += 1
      raiseFences(setup, machines, epoch)
      return true
    },
    /** From now on nothing goes wrong any more. */
    calmDown: (): void => {
      isCalm = true
      capacity = Infinity
      isSecretThere = true
      down.clear()
      firing.clear()
      for (const { host } of machines) host.online = true
    },
    revisions: (): readonly string[] =>
      [...journal.revisions.values()].map(
        ({ id, status, reason, digest }) =>
          `${Number(id.slice(-4))} ${status} ${reason} ${digest?.slice(-2) ?? '-'}`,
      ),
    note: (when: string): void => {
      const serving = machines.map(({ host }) =>
        host.serving === null ? '-' : `${host.serving.generation}@${indexOf(host.serving.digest)}`,
      )
      trace.serving.push(`${when}: ${serving.join(' ')}`)
    },
  }
}

export type World<Head> = ReturnType<typeof createWorld<Head>>
