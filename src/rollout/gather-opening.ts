import {
  toReleaseSettings,
  type App,
  type ReleaseSettings,
  type TargetSettings,
} from '../deployment/app.ts'
import { settleMetadata } from '../deployment/metadata.ts'
import { joinMessages } from '../deployment/message.ts'
import type { Opening } from '../deployment/observation.ts'
import type { Capacity, Selection, Target } from '../targets/target.ts'
import { Denied, unlessDenied } from '../kernel/denied.ts'
import type { Digest } from '../kernel/id.ts'
import { judgePlatforms, type GoneImages } from './gone-images.ts'
import type { Images, LookUpFailure, ReconcilePorts } from './ports.ts'

/** Asked of the targets before an opening. */
export interface CandidatePorts {
  readonly toTarget: (settings: TargetSettings) => Pick<Target, 'select' | 'capacity'>
}

/**
 * The instances that the targets of these settings select now, and for how many of each target one command
 * can hold the settings with this version of the secret.
 */
export const listCandidates = async (
  { toTarget }: CandidatePorts,
  settings: ReleaseSettings,
  secretVersion: string | null,
): Promise<Selection & { readonly capacities: readonly Capacity[] }> => {
  const targets = settings.targets.map(toTarget)
  const [selections, capacities] = await Promise.all([
    Promise.all(targets.map((target) => target.select())),
    Promise.all(targets.map((target) => target.capacity(settings, secretVersion))),
  ])
  return {
    candidates: selections.flatMap((one) => one.candidates),
    capacities,
    architectures: selections.flatMap((one) => one.architectures),
    leftOut: joinMessages(selections.map((one) => one.leftOut)),
  }
}

/** None of these can send or write: `plan` uses them too. */
export interface OpeningPorts
  extends CandidatePorts, Pick<ReconcilePorts, 'readSecretVersion' | 'readAlarms' | 'log'> {
  readonly images: Pick<Images, 'checkPlatforms'>
}

interface AlarmFacts {
  readonly firing: readonly string[]
  /** Which of the app's alarms take nothing back; null where each does. */
  readonly message: string | null
}

/** Said with the deployment, because nobody asks for a plan before each push. */
const explainAlarms = (missing: readonly string[], firing: readonly string[]): string | null =>
  joinMessages([
    missing.length === 0 ? null : `no alarm ${missing.join(', ')} exists to roll it back`,
    firing.length === 0 ? null : `${firing.join(', ')} fires already and does not roll it back`,
  ])

export const explainUnknownAlarms = (why: string): string =>
  `which of its alarms exist or fire is not known: ${why}`

/**
 * The app's alarms that fire already. Where CloudWatch does not answer, all of them count as firing: then an
 * alarm that comes from INSUFFICIENT_DATA is not blamed on this deployment, and one that comes from OK is.
 */
const lookAtAlarms = async (ports: OpeningPorts, app: App): Promise<AlarmFacts> => {
  const names = app.rollback?.alarms ?? []
  if (names.length === 0) return { firing: [], message: null }
  try {
    const known = await ports.readAlarms(names)
    const firing = known.filter(({ at }) => at !== null).map(({ alarm }) => alarm)
    const missing = names.filter((name) => !known.some(({ alarm }) => alarm === name))
    return { firing, message: explainAlarms(missing, firing) }
  } catch (error) {
    ports.log.warn('failed to read alarms', { app: app.name, error: String(error) })
    const why = error instanceof Denied ? error.message : 'CloudWatch did not answer'
    return { firing: names, message: explainUnknownAlarms(why) }
  }
}

interface Selected extends Awaited<ReturnType<typeof listCandidates>> {
  /** Why the instances could not be listed. */
  readonly denied: Denied | null
}

/** Where all instances are left out, the failure says which, and why; null where any is selected, or none is there. */
export const explainNoInstances = ({
  candidates,
  leftOut,
}: Pick<Selection, 'candidates' | 'leftOut'>): Pick<Opening, 'obstacle' | 'message'> | null =>
  candidates.length === 0 && leftOut !== null
    ? { obstacle: 'no_instances', message: leftOut }
    : null

/** What a deployment of these settings would fail for at once, most important first. */
const findObstacle = (
  secret: Awaited<ReturnType<OpeningPorts['readSecretVersion']>> | null,
  selected: Selected,
  gone: GoneImages,
): Pick<Opening, 'obstacle' | 'message'> => {
  const { capacities, denied } = selected
  const tooLarge = capacities.find(({ instances }) => instances === 0)
  if (denied !== null) return { obstacle: 'aws_denied', message: denied.message }
  if (secret?.ok === false) return { obstacle: secret.error.reason, message: secret.error.message }
  if (gone.obstacle !== null) return { obstacle: 'image_gone', message: gone.obstacle }
  if (tooLarge !== undefined) return { obstacle: 'envelope_too_large', message: tooLarge.message }
  return explainNoInstances(selected) ?? { obstacle: null, message: null }
}

const selectCandidates = async (ports: CandidatePorts, app: App): Promise<Selected> => {
  try {
    return { ...(await listCandidates(ports, app, null)), denied: null }
  } catch (error) {
    const none = { candidates: [], capacities: [], architectures: [], leftOut: null }
    return { ...none, denied: unlessDenied(error) }
  }
}

/** What AWS refuses to an opening of the app, or what of its image is gone; null if nothing. */
export const findHeldBack = async (
  ports: CandidatePorts & Pick<OpeningPorts, 'images'>,
  app: App,
  digest: Digest,
): Promise<LookUpFailure | null> => {
  const [{ denied, architectures }, platforms] = await Promise.all([
    selectCandidates(ports, app),
    ports.images.checkPlatforms(app, digest),
  ])
  if (denied !== null) return { reason: 'aws_denied', message: denied.message }
  const { obstacle } = judgePlatforms(platforms, architectures)
  return obstacle === null ? null : { reason: 'image_gone', message: obstacle }
}

/** What is to be opened, before it is looked up. */
export type WantedOpening = Pick<Opening, 'kind' | 'by' | 'order' | 'force'> &
  Pick<Opening['release'], 'revision' | 'commit' | 'digest' | 'origin' | 'promotedFrom'>

/**
 * Looks up everything that the opening write freezes, just before it.
 *
 * @param live the settings of the live release; null where none is, or is not to be taken over from
 * @param kept the images that instances may have by themselves, so that the registry need not have them
 */
export const gatherOpening = async (
  ports: OpeningPorts,
  app: App,
  live: ReleaseSettings | null,
  wanted: WantedOpening,
  kept: readonly { readonly digest: Digest }[],
): Promise<Opening> => {
  const isKept = kept.some(({ digest }) => digest === wanted.digest)
  const [secret, selected, alarms, platforms] = await Promise.all([
    app.secrets === null ? null : ports.readSecretVersion(app.secrets),
    selectCandidates(ports, app),
    lookAtAlarms(ports, app),
    isKept ? [] : ports.images.checkPlatforms(app, wanted.digest),
  ])
  const gone = judgePlatforms(platforms, selected.architectures)
  const { kind, by, order, force, ...image } = wanted
  const settings = settleMetadata(toReleaseSettings(app), live)
  const secretVersion = secret?.ok === true ? secret.value : null
  const { candidates, capacities } = selected
  const obstacle = findObstacle(secret, selected, gone)
  return {
    kind,
    by,
    order,
    force,
    firing: alarms.firing,
    candidates,
    capacities: capacities.map(({ instances }) => instances),
    ...(obstacle.obstacle === null
      ? { ...obstacle, message: joinMessages([selected.leftOut, gone.message, alarms.message]) }
      : obstacle),
    release: { generation: null, ...image, secretVersion, settings },
  }
}
