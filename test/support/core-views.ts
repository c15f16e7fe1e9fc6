import {
  isConverging,
  type Deployment,
  type Head,
  type InstanceState,
  type Intent,
} from '../../src/deployment/head.ts'

export type InstanceView = Pick<
  InstanceState,
  'id' | 'target' | 'wave' | 'status' | 'touched' | 'retries' | 'serving' | 'reason' | 'message'
>

/** The command that is out or about to be sent. */
export type CommandView = Pick<
  Intent,
  'purpose' | 'target' | 'instances' | 'fence' | 'since' | 'at' | 'repeated' | 'operation'
>

export type DeploymentView = Pick<
  Deployment,
  | 'generation'
  | 'kind'
  | 'by'
  | 'status'
  | 'openedAt'
  | 'deadlineAt'
  | 'sentAt'
  | 'endedAt'
  | 'release'
  | 'firing'
  | 'takesBack'
  | 'rolledBackBy'
  | 'pausedUntil'
  | 'reason'
  | 'message'
> & {
  readonly phase: 'advancing' | 'withdrawing' | 'ended'
  readonly instances: readonly InstanceView[]
}

const phases = { rolling: 'advancing', restoring: 'withdrawing', ended: 'ended' } as const

const viewInstance = (instance: InstanceState): InstanceView => {
  const { id, target, wave, status, touched, retries, serving, reason, message } = instance
  return { id, target, wave, status, touched, retries, serving, reason, message }
}

const viewDeployment = (deployment: Deployment): DeploymentView => {
  const { generation, kind, by, status, stage, release, instances, firing } = deployment
  const { openedAt, deadlineAt, sentAt, endedAt, pausedUntil } = deployment
  const { takesBack, rolledBackBy, reason, message } = deployment
  return {
    generation,
    kind,
    by,
    status,
    phase: phases[stage],
    openedAt,
    deadlineAt,
    sentAt,
    endedAt,
    pausedUntil,
    release,
    instances: instances.map(viewInstance),
    firing,
    takesBack,
    rolledBackBy,
    reason,
    message,
  }
}

/** The open or ended deployment; null where none is kept. */
export const findDeployment = ({ deployment }: Head): DeploymentView | null =>
  deployment === null || isConverging(deployment) ? null : viewDeployment(deployment)

/** What brings instances back to the live release; null where nothing is repaired. */
export const findRepair = ({ deployment }: Head): DeploymentView | null =>
  deployment !== null && isConverging(deployment) ? viewDeployment(deployment) : null

export const findCommand = ({ deployment }: Head): CommandView | null => {
  const intent = deployment?.intent ?? null
  if (intent === null) return null
  const { purpose, target, instances, fence, since, at, repeated, operation } = intent
  return { purpose, target, instances, fence, since, at, repeated, operation }
}
