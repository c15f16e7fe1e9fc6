import type { Release } from '../../deployment/deployment.ts'
import type { Answer } from '../../deployment/step.ts'
import { Retryable } from '../../kernel/retryable.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import type { SecretRefusal } from '../../secrets/app-secret.ts'
import type { Order } from '../target.ts'
import type { Certificate, Ec2Ports, Sealed } from './ports.ts'

/** The order brings a release that ran before, so an instance may have kept its container. */
export const isWayBack = ({ purpose, kind, release, generation }: Order): boolean =>
  purpose === 'restore' || (kind === 'rollback' && release?.generation !== generation)

const sealOrSayWhy = (
  { sealEnvelope }: Ec2Ports,
  release: Release,
  certificates: readonly Certificate[],
): Promise<Result<Sealed, SecretRefusal>> =>
  sealEnvelope(release, certificates).catch((error: unknown) =>
    fail({
      reason: 'secret_unavailable',
      message: error instanceof Retryable ? error.message : 'no envelope could be sealed',
    } as const),
  )

const noEnvelope: Sealed = { envelope: null, unsealable: [] }

/**
 * The way back waits for no secret: a kept container has its settings already. Without an envelope the host
 * only refuses to create a new container.
 */
export const sealForOrder = async (
  ports: Ec2Ports,
  order: Order,
  certificates: readonly Certificate[],
): Promise<Result<Sealed, SecretRefusal>> => {
  const { release } = order
  if (release === null) return succeed(noEnvelope)
  if (!isWayBack(order)) return ports.sealEnvelope(release, certificates)
  if (certificates.length === 0) return succeed(noEnvelope)
  const sealed = await sealOrSayWhy(ports, release, certificates)
  return sealed.ok ? sealed : succeed(noEnvelope)
}

/** If the host kept no container and got no envelope, its answer says why there was none. */
export const sayWhyNoEnvelope = async (
  ports: Ec2Ports,
  order: Order,
  answers: readonly Answer[],
): Promise<readonly Answer[]> => {
  const { release } = order
  const isRefused = ({ reason }: Answer) => reason === 'secret_missing'
  if (release === null || !isWayBack(order) || !answers.some(isRefused)) return answers
  const sealed = await sealOrSayWhy(ports, release, await ports.certificates.load(order.instances))
  if (sealed.ok) return answers
  const message = `no container was kept, and a new one lacks its secret: ${sealed.error.message}`
  return answers.map((answer) =>
    isRefused(answer) ? { ...answer, reason: sealed.error.reason, message } : answer,
  )
}
