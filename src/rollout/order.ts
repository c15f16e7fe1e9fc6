import { findSamePlace, findTarget } from '../deployment/find-target.ts'
import {
  continuesOnFailure,
  assignsNumber,
  type Deployment,
  type Intent,
  type Release,
} from '../deployment/deployment.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import type { Order } from '../targets/target.ts'

/** A restore brings the live release back, by the live release's own target for the instance, if it has one. */
const toWayBack = (head: Head, { release: { settings } }: Deployment, intent: Intent) => {
  const { target } = intent
  const live = liveRelease(head)
  const [id] = intent.instances
  const before =
    live === null || id === undefined
      ? null
      : findSamePlace(settings, live.settings, { id, target }, head.observed)
  return live === null || before === null
    ? { release: null, settings, target }
    : { release: live, settings: live.settings, target: before.key }
}

/** The one instance that runs `predeploy`: the first of the first target that has one. */
export const findPredeployInstance = ({
  release,
  instances,
}: {
  readonly release: Pick<Release, 'settings'>
  readonly instances: Deployment['instances']
}) =>
  instances.find(({ target }) => (findTarget(release.settings, target)?.predeploy ?? null) !== null)

/** The order of an intent: the same for the run that sends it and the runs that observe it. */
export const toOrder = (head: Head, deployment: Deployment, intent: Intent): Order => {
  const { release } = deployment
  const { purpose, target, instances, fence } = intent
  const first = findPredeployInstance(deployment)
  return {
    purpose,
    app: head.app,
    // A new container, as of a deployment: the running one may have been changed by hand.
    kind: deployment.kind === 'repair' ? 'deploy' : deployment.kind,
    generation: deployment.generation,
    fence,
    openedAt: deployment.openedAt,
    numberedAt: purpose === 'deploy' && assignsNumber(deployment) ? deployment.openedAt : null,
    since: intent.since,
    ...(purpose === 'restore'
      ? toWayBack(head, deployment, intent)
      : { release, settings: release.settings, target }),
    instances,
    predeployOn:
      purpose === 'deploy' &&
      !continuesOnFailure(deployment) &&
      first?.target === target &&
      instances.includes(first.id)
        ? first.id
        : null,
    notAfter: intent.deadlineAt,
    hostSeconds: intent.hostSeconds,
  }
}
