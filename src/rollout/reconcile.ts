import { toInstant } from '../kernel/clock.ts'
import { currentWave } from '../deployment/advance.ts'
import { hasEnded, isRepair, type Ended, type OpenDeployment } from '../deployment/deployment.ts'
import type { Head } from '../deployment/head.ts'
import type { Observation } from '../deployment/observation.ts'
import { askedAgain } from '../deployment/revision.ts'
import { releasesInUse } from '../deployment/disown.ts'
import { createReadAnswers, isAnswered, isPolling, type ReadAnswers } from './answers.ts'
import { checkInstances } from './check-instances.ts'
import { findAltered } from './find-altered.ts'
import { openNext } from './open-next.ts'
import { createNotifier } from './notify.ts'
import { watchAlarms } from './watch-alarms.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'
import { createWrite, type WriteHead, toLogAnswer, toLogFields } from './write.ts'

/** The gaps between two polls of a command that was just sent; the last one repeats. */
const gapsMilliseconds = [100, 150, 200, 300, 400, 500, 750, 1000]
/** Stops decisions that undo each other; a deployment of 50 waves needs about 400 moves. */
const mostMoves = 1000
/** One revision does not get more deliveries than this at one moment. */
const mostStatusConflicts = 20

/** Lambda ends a run after 60 s, and a move may take ten. Events and ticks continue from here. */
const longestRunSeconds = 40

/** Those of the next wave only: the certificates of later waves are read in their turn. */
const findPrepared = async (ports: ReconcilePorts, deployment: OpenDeployment) => {
  if (deployment.phase !== 'advancing') return []
  const wave = currentWave(deployment)
  const settings = deployment.release.settings.targets.find(({ key }) => key === wave[0]?.target)
  if (settings === undefined) return []
  const waiting = wave.filter(({ status }) => status === 'pending').map(({ id }) => id)
  return ports.toTarget(settings).prepared(waiting)
}

/** Observes what the head waits for and moves it on. False where only waiting is left. */
const move = async (
  ports: ReconcilePorts,
  write: WriteHead,
  readAnswers: ReadAnswers,
  nudge: Nudge,
): Promise<boolean> => {
  const head = await ports.heads.load(nudge.app)
  const { deployment } = head
  if (deployment !== null && hasEnded(deployment))
    return write(head, await archiveEnded(ports, head, deployment, nudge))
  if (deployment !== null) {
    const generation = await findAltered(ports, head, releasesInUse(head, deployment))
    if (generation !== null) return write(head, { kind: 'disowned', generation })
  }
  // A repair gives way to any deployment.
  if (deployment === null || isRepair(deployment))
    if (await openNext(ports, write, head, nudge)) return true
  if (deployment === null)
    return (
      (await checkInstances(ports, write, head, nudge)) ||
      write(head, { kind: 'polled', prepared: [], by: nudge.by })
    )
  const { intent } = deployment
  if (intent !== null && intent.operation !== null) {
    const sent = { ...intent, operation: intent.operation }
    const answered = await readAnswers(head, deployment, sent)
    if (await write(head, answered)) {
      ports.log.info('answers received', {
        ...toLogFields(head.app, deployment, sent),
        instances: answered.answers.filter(isAnswered).map(toLogAnswer),
      })
      const changed = answered.answers.filter(({ isKeyNew }) => isKeyNew).map(({ id }) => id)
      if (changed.length > 0)
        ports.log.warn('certificates changed', { app: head.app, instances: changed })
      return true
    }
  }
  const prepared = intent === null ? await findPrepared(ports, deployment) : []
  return write(head, { kind: 'polled', prepared, by: nudge.by })
}

/** Repeated on conflicts: evidence that arrives now must not leave a deployed revision `superseded`. */
const endRevision = async (ports: ReconcilePorts, head: Head, deployment: Ended) => {
  const { release, status, reason } = deployment
  for (let tries = 0; tries < mostStatusConflicts; tries += 1) {
    const revision = await ports.revisions.load(head.app, release.revision)
    if (revision?.status !== 'waiting') return
    const now = toInstant(ports.clock())
    // One that was found in no registry, of a promotion or a digest, is compared only after new evidence.
    const asked = revision.digest === null ? askedAgain(revision.asked, now, null) : revision.asked
    const found = { ...revision, digest: release.digest, asked }
    const written = await (status === 'succeeded'
      ? ports.revisions.recordStatus(found, 'deployed', null, now)
      : ports.revisions.recordStatus(revision, 'refused', reason, now))
    if (written === 'recorded') return
  }
}

/** Not recorded: the deployment that it continues is in the history already. */
const archiveRepair = (ports: ReconcilePorts, head: Head, deployment: Ended): Observation => {
  const { generation, status, reason, message, instances } = deployment
  const fields = { app: head.app, generation, status, reason }
  if (status === 'failed') ports.log.error('repair failed', { ...fields, message })
  else if (instances.some(({ touched }) => touched)) ports.log.info('repair ended', fields)
  return { kind: 'archived', generation, windowSeconds: null }
}

const archiveEnded = async (
  ports: ReconcilePorts,
  head: Head,
  deployment: Ended,
  { settings }: Nudge,
): Promise<Observation> => {
  const { generation, status, reason, takesBack } = deployment
  if (isRepair(deployment)) return archiveRepair(ports, head, deployment)
  await ports.history.recordDeployment(head.app, deployment)
  if (takesBack !== null && status === 'succeeded')
    await ports.history.recordRolledBack(head.app, takesBack, generation)
  await endRevision(ports, head, deployment)
  // Errors are forwarded to Sentry; these fields become tags.
  const fields = { app: head.app, generation, status, reason }
  if (status === 'failed') ports.log.error('deployment failed', fields)
  else ports.log.info('deployment ended', fields)
  return { kind: 'archived', generation, windowSeconds: settings?.rollback?.windowSeconds ?? null }
}

/** Moves the head on until this run need not poll any more. */
const moveOn = async (
  ports: ReconcilePorts,
  write: WriteHead,
  nudge: Nudge,
  leaveAt: number,
  sendNotices: () => void,
): Promise<void> => {
  const readAnswers = createReadAnswers(ports, nudge)
  let looks = 0
  for (let moves = 0; moves < mostMoves;) {
    if (ports.clock().getTime() > leaveAt) return
    if (await move(ports, write, readAnswers, nudge)) {
      moves += 1
      looks = 0
      continue
    }
    const head = await ports.heads.load(nudge.app)
    if (head.notices.length > 0) sendNotices()
    if (!isPolling(head, nudge.by, ports.clock())) return
    await ports.sleep(gapsMilliseconds[Math.min(looks, gapsMilliseconds.length - 1)] ?? 1000)
    looks += 1
  }
  ports.log.error('reconcile stopped after too many moves', { app: nudge.app, mostMoves })
}

/**
 * Loads, observes, decides, records and acts until only waiting is left. The run that wrote the last intent
 * polls its command for some seconds; every other run looks once and leaves. Any number may run at a time:
 * only the run that writes the head acts.
 */
export const createReconcile =
  (ports: ReconcilePorts) =>
  async (nudge: Nudge): Promise<void> => {
    const write = createWrite(ports)
    const leaveAt = ports.clock().getTime() + longestRunSeconds * 1000
    const notifier = createNotifier(ports, nudge.settings, leaveAt)
    try {
      await watchAlarms(ports, write, nudge)
      await moveOn(ports, write, nudge, leaveAt, notifier.begin)
    } finally {
      await notifier.finish()
    }
  }
