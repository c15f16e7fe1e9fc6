import type { DeploymentAnswer, HistoryAnswer, ReleaseAnswer } from '../answers/status.ts'
import { hasEnded, statusOf, type Deployment, type Release } from '../deployment/deployment.ts'
import type { StepRecord } from '../deployment/step.ts'

type SummaryAnswer = Omit<HistoryAnswer['deployments'][number], 'instanceCount'>

export const showRelease = (release: Release): ReleaseAnswer => ({
  generation: release.generation,
  commit: release.commit,
  digest: release.digest,
  secretVersion: release.secretVersion,
  origin: release.origin,
  promotedFrom: release.promotedFrom,
})

const showSteps = (records: readonly StepRecord[]): DeploymentAnswer['steps'] =>
  records.map(({ instance, purpose, outcome, reason, message, steps, tail }) => ({
    instance,
    purpose,
    outcome,
    reason,
    message,
    steps: steps.map((step) => ({
      name: step.name,
      status: step.status,
      seconds: step.milliseconds === null ? null : step.milliseconds / 1000,
    })),
    ...(tail.length === 0 ? {} : { tail }),
  }))

/** The command before the deployment that may have changed something that no rollback undoes. */
export const predeployOf = ({ settings }: Release): readonly string[] | null =>
  settings.targets.find(({ predeploy }) => predeploy !== null)?.predeploy ?? null

export const hasRunPredeploy = ({ kind, sentAt, release }: Deployment): boolean =>
  kind !== 'rollback' && sentAt !== null && predeployOf(release) !== null

const showSummary = (deployment: Deployment): SummaryAnswer => ({
  generation: deployment.generation,
  kind: deployment.kind,
  by: deployment.by,
  status: statusOf(deployment),
  reason: deployment.phase === 'advancing' ? null : deployment.reason,
  message: deployment.message,
  commit: deployment.release.commit,
  digest: deployment.release.digest,
  origin: deployment.release.origin,
  promotedFrom: deployment.release.promotedFrom,
  takesBack: deployment.takesBack,
  rolledBackBy: hasEnded(deployment) ? deployment.rolledBackBy : null,
  ranPredeploy: hasRunPredeploy(deployment),
  openedAt: deployment.openedAt,
  endedAt: hasEnded(deployment) ? deployment.endedAt : null,
  deadlineAt: deployment.deadlineAt,
  pausedUntil: deployment.phase === 'advancing' ? deployment.pausedUntil : null,
})

/** As in a list: of its instances, their number alone. */
export const showEntry = (deployment: Deployment): HistoryAnswer['deployments'][number] => ({
  ...showSummary(deployment),
  instanceCount: deployment.instances.length,
})

export const showDeployment = (
  deployment: Deployment,
  steps: readonly StepRecord[],
): DeploymentAnswer => ({
  ...showSummary(deployment),
  instances: deployment.instances.map(({ id, status, serving, reason, message }) => ({
    id,
    status,
    serving,
    reason,
    message,
  })),
  steps: showSteps(steps),
})
