import { InstanceId } from '../../../src/kernel/id.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import type { TargetSettings } from '../../../src/deployment/app.ts'
import type { Answer } from '../../../src/deployment/step.ts'
import { unlimited, type Order, type Started, type Target } from '../../../src/targets/target.ts'
import type { Call } from '../calls.ts'
import { digestAt } from '../examples.ts'
import {
  answerOf,
  arrive,
  createHost,
  finish,
  type Delivered,
  type Fault,
  type Host,
} from '../hosts.ts'
import type { WorldClock } from './clock.ts'

interface InFlight {
  readonly order: Order
  readonly answers: Map<InstanceId, Answer>
}

export interface Sent {
  readonly fence: number
  readonly at: number
  readonly order: Order
}

interface Outside {
  readonly clock: WorldClock
  /** A new container cannot be had without its secret. */
  readonly canReadSecrets: () => boolean
  readonly checkOrder: (order: Order, sends: readonly Sent[]) => void
}

/** The instances of an app, and the commands that are on their way to them. */
export const createFleet = (instances: number, { clock, canReadSecrets, checkOrder }: Outside) => {
  const hosts: Host[] = Array.from({ length: instances }, (_, index) =>
    createHost(InstanceId.parse(`i-0000000${index + 1}`)),
  )
  const hostOf = (id: InstanceId): Host => {
    const host = hosts.find((one) => one.id === id)
    if (host === undefined) throw new Error(`no host ${id}`)
    return host
  }
  const certificates = new Map<InstanceId, number>()
  const commands = new Map<string, InFlight>()
  const sends: Sent[] = []
  const upcoming: Fault[] = []
  const broken = new Set<string>()
  let isSsmDown = false

  const deliver = (command: InFlight, delivered: Delivered, id: InstanceId): void => {
    const host = hostOf(id)
    const settle = (answer: Answer): void => {
      // The certificate is in the answer; the reader of the answer records it.
      command.answers.set(id, answer)
    }
    const answer = arrive(host, delivered, clock.now())
    if ('outcome' in answer) {
      settle(answer)
      return
    }
    clock.plan(answer.doneAt, () => {
      const done = finish(host, delivered, clock.now())
      if (done !== null) settle(done)
    })
  }

  const isBrokenOn = ({ release }: Order, id: InstanceId): boolean =>
    release !== null && broken.has(`${release.digest} ${id}`)

  const dispatch = (command: InFlight, id: InstanceId): void => {
    const { order } = command
    const isBroken = order.purpose === 'deploy' && isBrokenOn(order, id)
    const fault = isBroken ? 'fails' : (upcoming.shift() ?? 'none')
    const key = order.purpose === 'prepare' ? null : (certificates.get(id) ?? null)
    const delay = fault === 'late' ? 60_000 : 100
    clock.plan(clock.now() + delay, () => deliver(command, { order, key, fault }, id))
  }

  const start = (order: Order): Started => {
    if (isSsmDown) throw new Retryable('SSM is down')
    const isNew = order.purpose === 'deploy' && order.release?.generation === order.generation
    if (!canReadSecrets() && isNew) throw new Retryable('Secrets Manager is down')
    checkOrder(order, sends)
    sends.push({ fence: order.fence, at: clock.now(), order })
    const online = order.instances.filter((id) => hostOf(id).online)
    const missing = order.instances
      .filter((id) => !online.includes(id))
      .map((id) => answerOf(id, 'failed', 'instance_offline'))
    if (online.length === 0) return { operation: null, missing }
    const command = { order, answers: new Map<InstanceId, Answer>() }
    const operation = `command-${commands.size + 1}`
    commands.set(operation, command)
    for (const id of online) dispatch(command, id)
    return { operation, missing }
  }

  const observe = (order: Order, operation: string): readonly Answer[] => {
    if (isSsmDown) throw new Retryable('SSM is down')
    const answers = commands.get(operation)?.answers
    return order.instances.map((id) => {
      const answer = answers?.get(id)
      if (answer === undefined) return answerOf(id, 'waiting', null)
      if (answer.reason === 'key_changed') certificates.delete(id)
      if (order.purpose === 'prepare' && answer.outcome === 'succeeded')
        certificates.set(id, hostOf(id).key)
      return answer
    })
  }

  const toTarget = (call: Call, { key }: TargetSettings): Target => ({
    select: () =>
      call('select', () => ({
        architectures: ['amd64'] as const,
        candidates: hosts.map(({ id, online }) => ({
          id,
          target: key,
          obstacle: online ? null : ('instance_offline' as const),
          warning: null,
        })),
        leftOut: null,
      })),
    capacity: () => call('capacity', () => unlimited),
    prepared: (ids) => call('prepared', () => ids.filter((id) => certificates.has(id))),
    start: (order) => call('start', () => start(order)),
    observe: (order, operation) => call('observe', () => observe(order, operation)),
    cancel: () => call('cancel', () => {}),
  })

  return {
    hosts,
    hostOf,
    sends,
    certificates,
    /** What befalls the next commands, one host after the other. */
    upcoming,
    setSsm: (isUp: boolean) => {
      isSsmDown = !isUp
    },
    /** The image comes up nowhere, or not on these hosts. */
    breakImage: (index: number, on: readonly Host[] = hosts) => {
      for (const { id } of on) broken.add(`${digestAt(index)} ${id}`)
    },
    isBroken: (index: number, id: InstanceId) => broken.has(`${digestAt(index)} ${id}`),
    toTarget,
  }
}
