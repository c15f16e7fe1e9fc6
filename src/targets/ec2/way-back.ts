import type { Answer } from '../../deployment/step.ts'
import { Retryable } from '../../kernel/retryable.ts'
import { fail } from '../../kernel/result.ts'
import type { Order } from '../target.ts'
import type { Certificate, Certificates } from './certificates.ts'
import type { SealEnvelope } from './ports.ts'

interface WayBackPorts {
  readonly sealEnvelope: SealEnvelope
  readonly certificates: Certificates
}

/** What it brings ran before: the instance may have kept its container. */
export const isWayBack = ({ purpose, kind, release, generation }: Order): boolean =>
  purpose === 'restore' || (kind === 'rollback' && release?.generation !== generation)

const sealOrSayWhy = (
  { sealEnvelope }: WayBackPorts,
  release: NonNullable<Order['release']>,
  certificates: readonly Certificate[],
): ReturnType<SealEnvelope> =>
  sealEnvelope(release, certificates).catch((error: unknown) =>
    fail({
      reason: 'secret_unavailable',
      message: error instanceof Retryable ? error.message : 'no envelope could be sealed',
    } as const),
  )

/**
 * The way back waits for no secret: a kept container has its settings already, and without an envelope,
 * null here, the host refuses only to make a new one.
 */
export const sealForWayBack = async (
  ports: WayBackPorts,
  { release }: Order,
  certificates: readonly Certificate[],
): Promise<string | null> => {
  if (release === null || certificates.length === 0) return null
  const sealed = await sealOrSayWhy(ports, release, certificates)
  return sealed.ok ? sealed.value : null
}

/** Where the host kept no container and got no envelope, what it says is why there was none. */
export const sayWhyNoEnvelope = async (
  ports: WayBackPorts,
  order: Order,
  answers: readonly Answer[],
): Promise<readonly Answer[]> => {
  const { release } = order
  const isRefused = ({ reason }: Answer) => reason === 'envelope_invalid'
  if (release === null || !isWayBack(order) || !answers.some(isRefused)) return answers
  const sealed = await sealOrSayWhy(ports, release, await ports.certificates.load(order.instances))
  if (sealed.ok) return answers
  const { reason, message } = sealed.error
  const why = {
    reason,
    message: `no container was kept, and a new one lacks its secret: ${message}`,
  }
  return answers.map((answer) => (isRefused(answer) ? { ...answer, ...why } : answer))
}
