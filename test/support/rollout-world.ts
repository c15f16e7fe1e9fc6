import type { App } from '../../src/deployment/app.ts'
import type { Request } from '../../src/deployment/head.ts'
import type { OperatorCommand } from '../../src/deployment/observation.ts'
import { newNonce } from '../../src/kernel/id.ts'
import type { ReconcilePorts } from '../../src/rollout/ports.ts'
import { appOf } from './apps.ts'
import type { Call } from './calls.ts'
import { ec2, silent } from './examples.ts'
import { createChannels } from './world/channels.ts'
import { createClock } from './world/clock.ts'
import { createFleet } from './world/hosts.ts'
import { createInvariants } from './world/invariants.ts'
import { createJournal } from './world/journal.ts'
import { createRegistry } from './world/registry.ts'

// Where plan.test.ts looks for them.
export { commitAt, digestAt, ec2, silent } from './examples.ts'

export interface Settings {
  readonly instances: number
  readonly batch?: number
  readonly targets?: App['targets']
  readonly app?: Partial<App>
}

const createApp = ({ batch = 1, targets, app: changes }: Settings): App => {
  const settings = ec2({ rollout: { batch: { kind: 'count', value: batch }, pauseSeconds: 0 } })
  return appOf('oc-lettings', {
    waitForSeconds: 7 * 24 * 3600,
    targets: targets ?? [settings],
    ...changes,
  })
}

/**
 * A small world: hosts that behave as the host scripts do, a registry, the journal in memory under
 * its conditions, and a clock that moves on request only. It checks every write and every send, and
 * records each breach of an invariant.
 */
export const createWorld = (settings: Settings) => {
  const app = createApp(settings)
  const clock = createClock()
  const { now, instant, advance } = clock
  const channels = createChannels(clock)
  const registry = createRegistry(clock)
  const invariants = createInvariants(() => ({ ...fleet, ...journal }))
  const { checkOrder, checkWrite, breach } = invariants
  const { canReadSecrets } = channels
  const { toTarget, ...fleet } = createFleet(settings.instances, {
    clock,
    canReadSecrets,
    checkOrder,
  })
  const journal = createJournal(app.name, { clock, checkWrite, breach })
  const { give } = journal.controls

  const toPorts = (call: Call): ReconcilePorts => ({
    ...journal.toPorts(call),
    ...registry.toPorts(call),
    ...channels.toPorts(call),
    toTarget: (one) => toTarget(call, one),
    clock: () => new Date(now()),
    sleep: (milliseconds) => call('sleep', () => advance(milliseconds)),
    log: silent,
  })

  return {
    app,
    now,
    instant,
    advance,
    toPorts,
    ...fleet,
    ...journal.controls,
    ...registry.controls,
    ...channels.controls,
    ...invariants.controls,
    say: (command: OperatorCommand): void =>
      give({ kind: 'operated', command, by: 'ada', id: newNonce() }),
    ask: (changes: Partial<Request> = {}): void => {
      const wish = {
        revision: null,
        promoted: null,
        force: false,
        by: 'ada',
        at: instant(),
        refusal: null,
      }
      give({ kind: 'requested', request: { ...wish, ...changes }, id: newNonce() })
    },
  }
}

export type World = ReturnType<typeof createWorld>
