import type { App } from '../deployment/app.ts'
import type { InstanceKey, Release } from '../deployment/deployment.ts'
import { findSamePlace } from '../deployment/find-target.ts'
import type { Head } from '../deployment/head.ts'
import { joinMessages } from '../deployment/message.ts'
import { releaseToBringBack } from '../deployment/operate.ts'
import type { Opening } from '../deployment/observation.ts'
import { unlessDenied } from '../kernel/denied.ts'
import { Retryable } from '../kernel/retryable.ts'
import { findAltered } from './find-altered.ts'
import type { Selection } from '../targets/target.ts'
import { explainNoInstances, listCandidates, type CandidatePorts } from './gather-opening.ts'
import type { ReconcilePorts } from './ports.ts'
import type { WriteHead } from './write.ts'

/** An unreadable secret does not block a rollback: a kept container needs none. */
const unlessUnread = (error: unknown): 'unread' => {
  if (error instanceof Retryable) return 'unread'
  throw error
}

/**
 * The version of the secret that a release comes back with: the recorded one. Where that is gone and
 * `rollback.secrets` is `current`, today's, in a new container.
 */
const chooseSecret = async (
  ports: ReconcilePorts,
  release: Release,
  policy: 'recorded' | 'current',
): Promise<Pick<Opening, 'release' | 'message'>> => {
  const { secretVersion, settings } = release
  if (settings.secrets === null || secretVersion === null) return { release, message: null }
  const { secrets } = settings
  const recorded = `the recorded version of the secret ${secrets}`
  const keptOnly = (why: string) => ({
    release,
    message: `${recorded} ${why}; only a container that was kept can come back`,
  })
  const isThere = await ports.hasSecretVersion(secrets, secretVersion).catch(unlessUnread)
  if (isThere === 'unread') return keptOnly('could not be read')
  if (isThere) return { release, message: null }
  if (policy === 'recorded') return keptOnly('is gone')
  const current = await ports.readSecretVersion(secrets)
  if (!current.ok)
    return keptOnly(
      current.error.reason === 'secret_missing' ? 'is gone' : `is gone; ${current.error.message}`,
    )
  return {
    release: { ...release, generation: null, secretVersion: current.value },
    message: `${recorded} is gone; it comes back with today's`,
  }
}

/** Where AWS refuses to list the instances: those that the head knows. A command is sent to their ids all the same. */
const recallInstances = (
  { toTarget }: CandidatePorts,
  { observed, releases: [live] }: Head,
  release: Release,
): CandidatePorts => ({
  toTarget: (settings) => {
    const target = toTarget(settings)
    const isThere = (known: InstanceKey): boolean =>
      live !== undefined &&
      findSamePlace(live.settings, release.settings, known, observed)?.key === settings.key
    const recall = (error: unknown): Selection => ({
      architectures: [],
      candidates: observed
        .filter(isThere)
        .map(({ id }) => ({ id, target: settings.key, obstacle: null, warning: null })),
      leftOut: `on the instances known from before: ${unlessDenied(error).message}`,
    })
    return {
      capacity: (...given) => target.capacity(...given),
      select: () => target.select().catch(recall),
    }
  },
})

const gatherRollback = async (
  ports: ReconcilePorts,
  head: Head,
  release: Release,
  app: App | null,
): Promise<Opening> => {
  const { settings, secretVersion } = release
  const policy = (app ?? settings).rollback?.secrets ?? 'recorded'
  // Users wait for a rollback: the look-ups run side by side.
  const [{ capacities, ...selected }, secret] = await Promise.all([
    listCandidates(recallInstances(ports, head, release), settings, secretVersion),
    chooseSecret(ports, release, policy),
  ])
  return {
    kind: 'rollback',
    by: head.rollback?.by ?? 'operator',
    order: null,
    force: false,
    // No alarm takes a rollback back, so CloudWatch is not asked.
    firing: [],
    candidates: selected.candidates,
    // An instance without room for the envelope may have kept the container.
    capacities: capacities.map(({ instances }) => instances || Infinity),
    obstacle: null,
    message: joinMessages([selected.leftOut, secret.message]),
    ...explainNoInstances(selected),
    release: secret.release,
  }
}

/**
 * With nothing open any more: opens the rollback that is requested, with the release's own settings and
 * secrets, or drops the request where the restore was all it needed.
 */
export const goBack = async (
  ports: ReconcilePorts,
  write: WriteHead,
  head: Head,
  app: App | null,
): Promise<boolean> => {
  const release = releaseToBringBack(head)
  if (release === null) return write(head, { kind: 'brought_back' })
  const generation = await findAltered(ports, head, [release])
  if (generation !== null) return write(head, { kind: 'disowned', generation })
  const opening = await gatherRollback(ports, head, release, app)
  return write(head, { kind: 'opening_gathered', opening })
}
