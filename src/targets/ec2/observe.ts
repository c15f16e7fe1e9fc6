import { isLastLook } from '../../deployment/deadline.ts'
import { toInstant } from '../../kernel/clock.ts'
import type { InstanceId } from '../../kernel/id.ts'
import { lazy } from '../../kernel/lazy.ts'
import type { Answer } from '../../deployment/step.ts'
import { isSealable } from '../../secrets/envelope.ts'
import { toAbsence } from '../answers.ts'
import type { Order } from '../target.ts'
import type { Ec2Ports, Invocation } from './ports.ts'
import { explainLoss, isTerminal, parseHostResult, toAnswer, type HostResult } from './result.ts'

const recordCertificate = async (
  { certificates, clock }: Ec2Ports,
  instance: InstanceId,
  { reason, outcome, certificate: der = null }: HostResult,
): Promise<void> => {
  if (reason === 'key_changed') await certificates.forget(instance)
  if (outcome === 'succeeded' && der !== null)
    await certificates.record({ instance, der, at: toInstant(clock()) })
}

/**
 * Reads one instance's answer. The listing's 2,500 characters hold every success whole; a failure is
 * read by itself. SSM's status does not count, only the script's result line. Every instance that ends
 * causes a look, so further calls and writes wait until the command is over for all: a look would
 * repeat them.
 */
const readInvocation = async (
  ports: Ec2Ports,
  operation: string,
  id: InstanceId,
  invocation: Invocation | undefined,
  isOver: boolean,
): Promise<Answer> => {
  if (!isTerminal(invocation)) return toAbsence(id, 'waiting')
  const short = parseHostResult(invocation.output)
  const der = short?.certificate ?? null
  // Without this answer, `prepare` would be sent again and again for a key that no envelope can use.
  if (der !== null && !isSealable(Buffer.from(der, 'base64')))
    return toAbsence(id, 'failed', 'envelope_invalid', 'the certificate is not one on P-256')
  if (short?.outcome === 'succeeded') {
    if (isOver) await recordCertificate(ports, id, short)
    return toAnswer(id, short, invocation.output)
  }
  if (!isOver) return toAbsence(id, 'waiting')
  const { stdout, stderr } = await ports.commands.output(operation, id)
  // Either of the two may lag behind the other.
  const result = parseHostResult(stdout) ?? short
  if (result === null) {
    const loss = explainLoss({ ...invocation, output: invocation.output + stderr })
    return toAbsence(id, 'lost', loss.reason, loss.message)
  }
  await recordCertificate(ports, id, result)
  return toAnswer(id, result, stdout)
}

/** The output of a failing app may hold its settings: the host has masked it, and it is masked again. */
const maskFailure = async (
  answer: Answer,
  loadMask: () => Promise<(text: string) => string>,
): Promise<Answer> => {
  const { outcome, message, tail } = answer
  if (outcome === 'waiting' || outcome === 'succeeded') return answer
  if (message === null && tail.length === 0) return answer
  const mask = await loadMask()
  return {
    ...answer,
    message: message === null ? null : mask(message),
    tail: tail.map((line) => mask(line)),
  }
}

/** The answers to one command so far, as far as SSM lists them. */
export const observeCommand = async (
  ports: Ec2Ports,
  order: Order,
  operation: string,
): Promise<readonly Answer[]> => {
  const { release, instances, notAfter } = order
  const invocations = await ports.commands.invocations(operation)
  const invocationOf = (id: InstanceId) => invocations.find(({ instance }) => instance === id)
  const loadMask = lazy(async () =>
    release === null
      ? (text: string) => text
      : ports
          .maskOutput(release)
          .catch(() => () => '(left out: the secret to mask it with could not be read)'),
  )
  const isOver =
    instances.every((id) => isTerminal(invocationOf(id))) ||
    isLastLook(notAfter, toInstant(ports.clock()))
  return Promise.all(
    instances.map(async (id) =>
      maskFailure(await readInvocation(ports, operation, id, invocationOf(id), isOver), loadMask),
    ),
  )
}
