import type { Ec2Settings } from '../../deployment/app.ts'
import type { HostPlan } from './plan-result.ts'

export interface StepFacts {
  readonly settings: Ec2Settings
  readonly host: HostPlan
  readonly runsPredeploy: boolean
  /** Of the image as the registry packs it; null where that is not known. */
  readonly packedBytes: number | null
}

const pull = ({ host, packedBytes }: StepFacts): string => {
  if (host.pulled) return 'pull: the image is there already'
  return packedBytes === null
    ? 'pull the image'
    : `pull the image, ${Math.ceil(packedBytes / 1_000_000)} MB packed`
}

const stop = ({ settings, host }: StepFacts): readonly string[] => {
  if (settings.strategy !== 'recreate') return []
  const { replaces } = settings
  const old = host.replacesRuns && host.serving === null ? replaces : 'the release before'
  return host.serving === null && !host.replacesRuns
    ? []
    : [`stop ${old}; requests wait at the proxy for up to ${settings.holdSeconds} s`]
}

const predeploy = ({ settings, runsPredeploy }: StepFacts): readonly string[] => {
  if (settings.predeploy === null) return []
  const command = settings.predeploy.join(' ')
  return [
    runsPredeploy
      ? `predeploy: ${command}`
      : 'no predeploy here: it runs once, on the first instance',
  ]
}

const planCheck = ({ settings }: StepFacts): string => {
  const { health, port } = settings
  const seconds = health.intervalSeconds * health.times
  if (port === null) return `check that it stays up for ${Math.ceil(seconds)} s`
  const host = health.host ?? settings.hosts[0]
  const asked = host === undefined ? health.path : `${health.path} for the host ${host}`
  const { from, to } = health.expect
  return `check: GET ${asked} on port ${port} must answer ${from}-${to}, ${health.times} times in a row within ${health.timeoutSeconds} s`
}

const takeOver = ({ settings, host }: StepFacts): readonly string[] =>
  settings.strategy === 'blue-green' && host.replacesRuns && host.serving === null
    ? [
        `take over from ${settings.replaces}: it is stopped and kept, and nobody answers for about a second`,
      ]
    : []

const handOver = ({ settings, host }: StepFacts): readonly string[] => {
  const { publish, run } = settings
  const retire = `stop the release before, within ${run.stopTimeoutSeconds} s, and keep it`
  const before = host.serving === null ? [] : [retire]
  if (publish === null) return before
  const where = publish.address === null ? publish.port : `${publish.address}:${publish.port}`
  return [`switch the proxy on ${where} to it`, ...(settings.strategy === 'recreate' ? [] : before)]
}

/** What a deployment would do on one instance, in the order of `host/deploy.sh`, in words. */
export const planSteps = (facts: StepFacts): readonly string[] => [
  pull(facts),
  ...stop(facts),
  ...predeploy(facts),
  facts.settings.strategy === 'recreate' || facts.host.serving === null
    ? 'start the new container'
    : 'start the new container beside the one that serves',
  planCheck(facts),
  ...takeOver(facts),
  ...handOver(facts),
]
