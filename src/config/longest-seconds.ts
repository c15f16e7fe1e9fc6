import type { Ec2File } from './schema.ts'

/**
 * How long an instance may wait in one deployment, in seconds, besides pull and predeploy. The old
 * container of a web app is waited for twice: until its last request is answered, then until it has
 * ended (`drain_slot` and `stop_container` of `host/`).
 */
export const longestSeconds = ({ strategy, run, health }: Ec2File): number =>
  strategy === 'worker'
    ? run.stopTimeout + Math.ceil(health.interval * health.times)
    : 2 * run.stopTimeout + health.timeout
