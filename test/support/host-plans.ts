import type { HostPlan } from '../../src/targets/ec2/result.ts'

/** What host/plan.sh answers on a machine where everything is as it should be. */
export const hostPlanOf = (changes: Partial<HostPlan> = {}): HostPlan => ({
  outcome: 'succeeded',
  serving: null,
  docker: '28.1.1',
  machine: 'x86_64',
  missing: [],
  freeBytes: 20_000_000_000,
  memoryBytes: 900_000_000,
  owner: '',
  pulled: false,
  holder: '',
  replacesRuns: false,
  losses: [],
  proxy: '',
  firewall: '',
  obstacles: [],
  ...changes,
})

/** As the script prints it. */
export const toOutput = (result: unknown): string =>
  `landfall/1 ${JSON.stringify({ reason: 'planned', ...Object(result) })}\n`
