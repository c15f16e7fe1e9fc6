import type { TargetSettings } from '../deployment/app.ts'
import { goesOn, liveRelease, type Deployment, type Head, type Intent } from '../deployment/head.ts'
import { isNumbering } from '../deployment/open.ts'
import type { Order } from '../targets/target.ts'

/** Whether both name the same place; where a target selects instances, the intent itself names them. */
const isSamePlace = (one: TargetSettings, other: TargetSettings): boolean =>
  one.key === other.key || (one.kind === other.kind && one.instances !== null)

/** The settings that reach the instances of a restore: those of the live release where it has that target. */
const restoreSettings = (head: Head, deployment: Deployment, target: number) => {
  const live = liveRelease(head)
  const own = deployment.release.settings.targets[target]
  const before = live?.settings.targets[target]
  return live && own && before && isSamePlace(own, before)
    ? { release: live, settings: live.settings }
    : { release: null, settings: deployment.release.settings }
}

/** The order that an intent stands for: the same for whoever sends or observes it. */
export const toOrder = (head: Head, deployment: Deployment, intent: Intent): Order => {
  const { release } = deployment
  const { purpose, target, instances, fence } = intent
  const first = deployment.instances.find(
    ({ target: own }) => (release.settings.targets[own]?.predeploy ?? null) !== null,
  )
  return {
    purpose,
    app: head.app,
    // A container of its own, as a deployment makes it: what is there may have been changed by hand.
    kind: deployment.kind === 'converge' ? 'deploy' : deployment.kind,
    generation: deployment.generation,
    fence,
    openedAt: deployment.openedAt,
    numberedAt: purpose === 'deploy' && isNumbering(deployment) ? deployment.openedAt : null,
    since: intent.since,
    ...(purpose === 'restore'
      ? restoreSettings(head, deployment, target)
      : { release, settings: release.settings }),
    target,
    instances,
    predeployOn:
      purpose === 'deploy' &&
      !goesOn(deployment) &&
      first?.target === target &&
      instances.includes(first.id)
        ? first.id
        : null,
    notAfter: intent.deadlineAt,
    hostSeconds: intent.hostSeconds,
  }
}
