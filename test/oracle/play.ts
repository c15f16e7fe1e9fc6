import type { OperatorWord } from './frozen/deployment/operate.ts'
import { addSeconds } from './frozen/kernel/clock.ts'
import { Generation, type InstanceId, type RevisionId } from './frozen/kernel/id.ts'
import { changeByHand } from './hosts.ts'
import { createRunner } from './run.ts'
import { commitAt, digestAt, name, toApp } from './settings.ts'
import type { OperatorAnswer, Side } from './side.ts'
import type { Happening, Named, Story } from './story.ts'
import type { Trace } from './trace.ts'
import { createWorld, plainly, startOfTime } from './world.ts'

const toReleaseName = (named: Named) => {
  switch (named.kind) {
    case 'generation':
      return Generation.parse(named.number)
    case 'commit':
      return commitAt(named.index)
    case 'digest':
      return digestAt(named.index)
  }
}

const toRevision = (named: Named): RevisionId => {
  switch (named.kind) {
    case 'generation':
      return commitAt(named.number)
    case 'commit':
      return commitAt(named.index)
    case 'digest':
      return digestAt(named.index)
  }
}

/** Times depend on how often a side looks, and ids of reports on how often it writes. */
const unlessTimed = (key: string, value: unknown): unknown => {
  if (key === 'owed' || key === 'deployments') return undefined
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? 'then' : value
}

/** One story against one side. */
export const playStory = async <Head>(
  { setup, events }: Story,
  side: Side<Head>,
): Promise<Trace> => {
  const world = createWorld(setup, side)
  const runner = createRunner(setup, world, side)
  const versions = setup.versions.map((version, index) => toApp(setup, version, index))
  const [first] = versions
  if (first === undefined) throw new Error('a story without settings')
  let app = first
  let isRemoved = false
  let runs = 0
  let lastOnline: readonly InstanceId[] = []
  let calledAt = -Infinity
  let at = 0
  let again: (() => Promise<OperatorAnswer>) | null = null
  let words = 0
  const pushedAt = new Map<number, string>()
  const news = new Set<RevisionId>()

  const storyTime = () => addSeconds(new Date(startOfTime).toISOString(), at)
  const ports = world.toPorts(plainly)

  /** Who has come since the last look, or everybody once an hour. */
  const callRoll = () => {
    const online = world.machines
      .filter((one) => one.fleet !== null && world.isReachable(one))
      .map(({ host }) => host.id)
    const returned = online.filter((id) => !lastOnline.includes(id))
    lastOnline = online
    if (returned.length === 0 && world.now() - calledAt < 3_600_000) return null
    calledAt = world.now()
    return { at: world.instant(), returned }
  }

  const look = async (isTick: boolean): Promise<void> => {
    runs += 1
    const called = isTick ? callRoll() : null
    const revisions = isTick ? [] : [...news]
    news.clear()
    const settings = isRemoved ? null : app
    await runner.run({ app: name, settings, revisions, isTick, called, by: `run ${runs}` })
  }

  const minutes = async (count: number): Promise<void> => {
    for (let minute = 0; minute < count; minute += 1) {
      const begun = world.now()
      await look(true)
      world.advance(Math.max(0, begun + 60_000 - world.now()))
    }
    const when = `after ${count} minutes at ${at}`
    world.note(when)
    const status = JSON.stringify(await side.status(ports, app), unlessTimed)
    world.trace.statuses.push(`${when}: ${status}`)
  }

  // What is heard of commits

  const pushed = (index: number): string => {
    const known = pushedAt.get(index) ?? storyTime()
    pushedAt.set(index, known)
    return known
  }
  const ciEvidence = (
    ci: 'github' | 'circleci',
    index: number,
    attempt: number,
    conclusion: 'success' | 'failure',
  ) => ({
    kind: 'ci' as const,
    ci,
    workflow: ci === 'github' ? 'CI' : 'ci',
    runId: `${ci} ${index}`,
    runNumber: index,
    attempt,
    createdAt: addSeconds(pushed(index), 3),
    conclusion,
  })
  const receive: typeof world.receive = (id, evidence) => {
    news.add(id)
    world.receive(id, evidence)
  }
  const pushImage = (index: number): void => {
    world.images.set(commitAt(index), digestAt(index))
    world.images.set('latest', digestAt(index))
    world.images.set(`kept ${index}`, digestAt(index))
  }
  const hook = (index: number): void => {
    if (setup.tag === '{commit}')
      receive(commitAt(index), { kind: 'image', tag: commitAt(index), seenAt: storyTime() })
    else world.announceTag('latest', storyTime())
  }
  const green = (index: number): void => {
    pushImage(index)
    for (const required of setup.requires)
      if (required !== 'image') receive(commitAt(index), ciEvidence(required, index, 1, 'success'))
    if (setup.requires.every((required) => required === 'image')) hook(index)
  }

  // What people and alarms say

  const answered = (what: string, answer: OperatorAnswer): void =>
    void world.trace.answers.push(`${what} at ${at}: ${JSON.stringify(answer)}`)

  const say = async (what: string, ask: () => Promise<OperatorAnswer>): Promise<void> => {
    again = ask
    answered(what, await ask())
  }
  const operate = (word: OperatorWord): Promise<void> => {
    words += 1
    const id = `word-${words}`
    return say(word.kind, () => side.operate(ports, { app: name, word, by: 'ada', id }))
  }
  const redeploy = (revision: Named | null, force: boolean): Promise<void> => {
    words += 1
    const order = {
      app,
      revision: revision === null ? null : toRevision(revision),
      force,
      by: 'ada',
      id: `word-${words}`,
    }
    return say('redeploy', () => side.redeploy(ports, order))
  }
  const fire = async (alarm: string, from: 'OK' | 'INSUFFICIENT_DATA'): Promise<void> => {
    world.firing.set(alarm, world.instant())
    if (isRemoved || app.rollback === null) return
    const transition = { alarm, at: world.instant(), from }
    const verdict = await side.takeAlarm(ports, name, transition, app.rollback.windowSeconds)
    world.trace.answers.push(`alarm ${alarm} at ${at}: ${JSON.stringify(verdict)}`)
  }

  const happen = async (what: Happening): Promise<void> => {
    switch (what.kind) {
      case 'tick':
      case 'nudge':
        return look(what.kind === 'tick')
      case 'minutes':
        return minutes(what.count)
      case 'green':
        return green(what.index)
      case 'image':
        return pushImage(what.index)
      case 'hook':
        return hook(what.index)
      case 'push':
        return receive(commitAt(what.index), { kind: 'push', pushedAt: pushed(what.index) })
      case 'tag':
        pushImage(what.index)
        return world.announceTag('latest', storyTime())
      case 'unlabel':
        return void world.unlabelled.add(digestAt(what.index))
      case 'ci':
        return receive(
          commitAt(what.index),
          ciEvidence(what.ci, what.index, what.attempt, what.conclusion),
        )
      case 'lost hook': {
        const push = { kind: 'push', pushedAt: pushed(what.index) } as const
        const run = ciEvidence('github', what.index, 1, 'success')
        pushImage(what.index)
        world.atGithub.set(commitAt(what.index), [push, run])
        return receive(commitAt(what.index), push)
      }
      case 'see pushes':
        return world.see('github:push')
      case 'break':
        for (const host of what.hosts) {
          const id = world.machines[host]?.host.id
          if (id !== undefined) world.broken.add(`${digestAt(what.index)} ${id}`)
        }
        return
      case 'alarm':
        return fire(what.alarm, what.from)
      case 'silent alarm':
        return void world.firing.set(what.alarm, world.instant())
      case 'quiet alarm':
        return void world.firing.delete(what.alarm)
      case 'rollback':
        return operate({
          kind: 'rollback',
          to: what.to === null ? null : toReleaseName(what.to),
        })
      case 'freeze':
        return operate({ kind: 'freeze', reason: 'exams' })
      case 'cancel':
      case 'unfreeze':
        return operate({ kind: what.kind })
      case 'redeploy':
        return redeploy(what.revision, what.force)
      case 'repeat':
        if (again !== null) answered('again', await again())
        return
      case 'online':
      case 'offline':
      case 'join':
      case 'leave':
      case 'new key':
      case 'by hand': {
        const machine = world.machines[what.host]
        if (machine === undefined) return
        if (what.kind === 'online' || what.kind === 'offline')
          machine.host.online = what.kind === 'online'
        if (what.kind === 'join' || what.kind === 'leave') machine.isThere = what.kind === 'join'
        if (what.kind === 'new key') machine.host.key += 1
        if (what.kind === 'by hand') changeByHand(machine, what.serves)
        return
      }
      case 'down':
        return void world.down.add(what.what)
      case 'up':
        return void world.down.delete(what.what)
      case 'rotate secret':
        return world.rotateSecret()
      case 'drop secrets':
        return world.dropSecrets()
      case 'secret missing':
      case 'secret there':
        return world.setSecret(what.kind === 'secret there')
      case 'capacity':
        return world.setCapacity(what.instances === 100 ? Infinity : what.instances)
      case 'version':
        app = versions[what.index] ?? app
        isRemoved = false
        return
      case 'removed':
        isRemoved = true
        return
      case 'backup':
        return world.backUp()
      case 'restore':
        // Whoever is still at it must not meet a version of the same number, and what is owed to channels
        // must not be lost with the table by a hair.
        await runner.resumeAll()
        await look(false)
        world.advance(31_000)
        await look(false)
        return void world.restore()
      case 'resume':
        return runner.resume()
    }
  }

  for (const event of events) {
    at = event.at
    world.advance(Math.max(0, startOfTime + at * 1000 - world.now()))
    await happen(event.what)
  }

  // Trouble is over: everything comes to rest, strays are brought back, and the next commit goes out.
  at += 1000
  await runner.resumeAll()
  world.calmDown()
  isRemoved = false
  await minutes(10)
  for (let hour = 0; hour < 2; hour += 1) {
    world.advance(3_600_000)
    await minutes(4)
  }
  await operate({ kind: 'unfreeze' })
  at = Math.ceil((world.now() - startOfTime) / 1000)
  green(9)
  await minutes(8)
  await runner.resumeAll()
  world.note('at the end')
  world.trace.revisions.push(...world.revisions())
  return world.trace
}
