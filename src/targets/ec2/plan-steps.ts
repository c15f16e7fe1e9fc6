import type { Ec2Settings } from '../../deployment/app.ts'
import type { HostPlan } from './result.ts'

interface StepFacts {
  readonly settings: Ec2Settings
  readonly host: HostPlan
  readonly runsPredeploy: boolean
  /** Of the image as the registry packs it; null if not known. */
  readonly packedBytes: number | null
}

const pull = ({ host, packedBytes }: StepFacts): string => {
  if (host.pulled) return 'pull: the image is already there'
  const size = packedBytes === null ? '' : `, ${Math.ceil(packedBytes / 1_000_000)} MB packed`
  return `pull the image${size}`
}

const stop = ({ settings, host }: StepFacts): readonly string[] => {
  if (settings.strategy !== 'recreate') return []
  if (host.serving === null && !host.replacesRuns) return []
  const old = host.serving === null ? settings.replaces : 'the previous release'
  const { drainSeconds, run } = settings
  const cut =
    host.serving === null
      ? ''
      : `; those that it does not answer within ${drainSeconds ?? run.stopTimeoutSeconds} s are cut`
  return [`stop ${old}; requests wait at the proxy for up to ${settings.holdSeconds} s${cut}`]
}

const predeploy = ({ settings, runsPredeploy }: StepFacts): readonly string[] => {
  if (settings.predeploy === null) return []
  return runsPredeploy
    ? [`predeploy: ${settings.predeploy.join(' ')}`]
    : ['no predeploy here: it runs once, on the first instance']
}

const planCheck = ({ settings: { health, port, hosts } }: StepFacts): string => {
  const seconds = health.intervalSeconds * health.times
  if (port === null) return `check that it stays up for ${Math.ceil(seconds)} s`
  const host = health.host ?? hosts[0]
  const asked = host === undefined ? health.path : `${health.path} for the host ${host}`
  const { from, to } = health.expect
  const scheme = health.scheme === 'https' ? ', as over https,' : ''
  const body = health.contains === null ? '' : ` with ${JSON.stringify(health.contains)}`
  return `check: GET ${asked} on port ${port}${scheme} must answer ${from}-${to}${body}, ${health.times} times in a row, ${health.intervalSeconds} s apart, within ${health.timeoutSeconds} s`
}

const takeOver = ({ settings, host }: StepFacts): readonly string[] =>
  settings.strategy === 'blue-green' && host.replacesRuns && host.serving === null
    ? [
        `take over from ${settings.replaces}: it is stopped and kept, with about a second of downtime`,
      ]
    : []

const handOver = ({ settings, host }: StepFacts): readonly string[] => {
  const { publish, run, strategy, trusted } = settings
  const retire = `stop the previous release within ${run.stopTimeoutSeconds} s and keep it`
  const previous = host.serving === null ? [] : [retire]
  if (publish === null) return previous
  const where = publish.address === null ? publish.port : `${publish.address}:${publish.port}`
  const listened =
    trusted.length === 0
      ? ''
      : `, which believes ${trusted.join(' and ')} who the visitor is (trusted)`
  return [
    `switch the proxy on ${where} to it${listened}`,
    ...(strategy === 'recreate' ? [] : previous),
  ]
}

/** What a deployment would do on one instance, in words, in the order of `host/deploy.sh`. */
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
