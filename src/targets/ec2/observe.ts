import { isLastLook } from '../../deployment/deadline.ts'
import { toInstant } from '../../kernel/clock.ts'
import type { InstanceId } from '../../kernel/id.ts'
import { lazy } from '../../kernel/lazy.ts'
import type { Answer } from '../../deployment/step.ts'
import { isSealable } from '../../secrets/envelope.ts'
import { toAbsence } from '../answers.ts'
import type { Order } from '../target.ts'
import type { Ec2Ports, Invocation, Recorded } from './ports.ts'
import { explainLoss } from './loss.ts'
import { isTerminal, parseHostResult, toAnswer, toSafeAnswer, type HostResult } from './result.ts'

/** Whether the instance is known by this certificate; null if it cannot be used. An earlier one stays. */
const recordCertificate = async (
  { certificates, clock }: Ec2Ports,
  command: string,
  instance: InstanceId,
  der: string,
): Promise<Recorded | null> => {
  if (!(await isSealable(der, instance))) return null
  const certificate = { instance, der, at: toInstant(clock()) }
  const renewed = await certificates.renew(certificate, command)
  return renewed ?? certificates.record(certificate, command)
}

const noCertificate = 'its certificate cannot be used: it is not one on P-256 as prepare makes it'

/** What follows from a result, once the command is over for all. */
const takeResult = async (
  ports: Ec2Ports,
  { purpose }: Order,
  command: string,
  id: InstanceId,
  result: HostResult,
  output: string,
): Promise<Answer> => {
  const { reason, outcome, certificate: der = null } = result
  const answer = toAnswer(id, result, output)
  if (reason === 'key_changed') await ports.certificates.forget(id)
  if (purpose !== 'prepare' || outcome !== 'succeeded' || der === null) return answer
  const recorded = await recordCertificate(ports, command, id, der)
  // Without this answer, `prepare` would be sent again and again for a key that no envelope can use.
  if (recorded === null) return toAbsence(id, 'failed', 'envelope_invalid', noCertificate)
  return { ...answer, isKeyNew: recorded === 'changed' }
}

/**
 * Reads one instance's answer. The listing's 2,500 bytes hold every success whole; a failure is
 * read by itself. SSM's status does not count, only the script's result line. Every instance that ends
 * causes a look, so further calls and writes wait until the command is over for all: a look would
 * repeat them. A certificate is judged then.
 */
const readInvocation = async (
  ports: Ec2Ports,
  order: Order,
  command: string,
  id: InstanceId,
  invocation: Invocation | undefined,
  isOver: boolean,
): Promise<Answer> => {
  if (!isTerminal(invocation)) return toAbsence(id, 'waiting')
  const short = parseHostResult(invocation.output)
  if (!isOver)
    return short?.outcome === 'succeeded' && order.purpose !== 'prepare'
      ? toAnswer(id, short, invocation.output)
      : toAbsence(id, 'waiting')
  if (short?.outcome === 'succeeded')
    return takeResult(ports, order, command, id, short, invocation.output)
  const { stdout, stderr } = await ports.commands.output(command, id)
  // Either of the two may lag behind the other.
  const result = parseHostResult(stdout) ?? short
  if (result === null) {
    const loss = explainLoss({ ...invocation, output: (stdout || invocation.output) + stderr })
    return toAbsence(id, 'lost', loss.reason, loss.message)
  }
  return takeResult(ports, order, command, id, result, stdout)
}

/** The output of a failing app may hold its settings: the host has masked it, and it is masked again. */
const makeSafe = async (
  answer: Answer,
  loadMask: () => Promise<(text: string) => string>,
): Promise<Answer> => {
  const { outcome, message, tail } = answer
  const isOfHost = outcome === 'failed' || outcome === 'refused' || outcome === 'lost'
  const isMasked = isOfHost && (message !== null || tail.length > 0)
  return toSafeAnswer(answer, isMasked ? await loadMask() : (text) => text)
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
      makeSafe(
        await readInvocation(ports, order, operation, id, invocationOf(id), isOver),
        loadMask,
      ),
    ),
  )
}
