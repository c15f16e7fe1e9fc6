import type { TargetSettings } from '../deployment/app.ts'
import { goesOn, liveRelease, type Deployment, type Head, type Intent } from '../deployment/head.ts'
import { isNumbering } from '../deployment/open.ts'
import type { Order } from '../targets/target.ts'

/** Whether both name the same place; instances of EC2 are named by the intent itself. */
const isSamePlace = (one: TargetSettings, other: TargetSettings): boolean => {
  if (one.kind === 'render') return other.kind === 'render' && one.service === other.service
  if (one.kind === 'heroku') return other.kind === 'heroku' && one.app === other.app
  return one.kind === other.kind
}

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
    (instance) => release.settings.targets[instance.target]?.kind === 'ec2',
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
