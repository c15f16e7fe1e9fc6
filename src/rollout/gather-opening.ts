import type { App } from '../deployment/app.ts'
import type { Opening } from '../deployment/observation.ts'
import { reasons } from '../kernel/reason.ts'
import { listCandidates, listCapacities, type CandidatePorts } from './list-candidates.ts'
import type { ReconcilePorts } from './ports.ts'

type AlarmPorts = Pick<ReconcilePorts, 'readFiring' | 'log'>

/**
 * Which of the app's alarms fire already. Where CloudWatch cannot be asked all of them count: an alarm
 * that comes from INSUFFICIENT_DATA is then not taken for this deployment's fault, one from OK is.
 */
const listFiring = async (ports: AlarmPorts, app: App): Promise<readonly string[]> => {
  const names = app.rollback?.alarms ?? []
  if (names.length === 0) return []
  try {
    return (await ports.readFiring(names)).map(({ alarm }) => alarm)
  } catch (error) {
    ports.log.warn('the alarms could not be read', { app: app.name, error: String(error) })
    return names
  }
}

/** Accepted in landfall.yml and not built yet: a deployment to it ends at once and says so. */
const findUnsupported = ({ targets }: App): string | null => {
  const at = targets.findIndex(({ isSupported }) => !isSupported)
  return at === -1 ? null : `target ${at + 1} (${targets[at]?.kind}): ${reasons.target_unsupported}`
}

/** Nothing here can send or write: `plan` opens by them too. */
export type OpeningPorts = CandidatePorts &
  Pick<ReconcilePorts, 'readSecretVersion' | 'readFiring' | 'log'>

/** Everything the opening write freezes is looked up here, just before it. */
export const gatherOpening = async (
  ports: OpeningPorts,
  app: App,
  wanted: Pick<Opening, 'kind' | 'by' | 'order' | 'force'> &
    Pick<Opening['release'], 'revision' | 'commit' | 'digest'>,
): Promise<Opening> => {
  const [version, candidates, capacities, firing] = await Promise.all([
    app.secrets === null ? null : ports.readSecretVersion(app.secrets),
    listCandidates(ports, app),
    listCapacities(ports, app, null),
    listFiring(ports, app),
  ])
  const tooLarge = capacities.find(({ instances }) => instances === 0)
  const unsupported = findUnsupported(app)
  const unsupportedReason = unsupported === null ? null : 'target_unsupported'
  const obstacle = tooLarge === undefined ? unsupportedReason : 'envelope_too_large'
  const { kind, by, order, force, revision, commit, digest } = wanted
  const secretVersion = version?.ok === true ? version.value : null
  return {
    kind,
    by,
    order,
    force,
    firing,
    message: tooLarge === undefined ? unsupported : tooLarge.message,
    candidates,
    capacities: capacities.map(({ instances }) => instances),
    obstacle: version?.ok === false ? version.error : obstacle,
    release: { generation: null, revision, commit, digest, secretVersion, settings: app },
  }
}
