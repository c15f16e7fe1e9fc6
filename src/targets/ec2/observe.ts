import { isLastLook } from '../../deployment/deadline.ts'
import { toInstant, type Clock } from '../../kernel/clock.ts'
import type { InstanceId } from '../../kernel/id.ts'
import type { Answer } from '../../deployment/step.ts'
import { toAbsence } from '../absence.ts'
import type { Order } from '../target.ts'
import type { Certificates } from './certificates.ts'
import { explainLoss, isTerminal } from './loss.ts'
import type { Commands, Invocation, MaskOutput } from './ports.ts'
import { isSealable } from '../../secrets/envelope.ts'
import { parseHostResult, toAnswer, type HostResult } from './result.ts'

interface ObservePorts {
  readonly commands: Commands
  readonly certificates: Certificates
  readonly maskOutput: MaskOutput
  readonly clock: Clock
}

const remember = async (ports: ObservePorts, id: InstanceId, result: HostResult): Promise<void> => {
  if (result.reason === 'key_changed') await ports.certificates.forget(id)
  const der = result.certificate ?? null
  if (result.outcome === 'succeeded' && der !== null)
    await ports.certificates.record({ instance: id, der, at: toInstant(ports.clock()) })
}

/** A key that no envelope can be sealed for would be asked for again and again. */
const hasUnusableKey = ({ certificate }: HostResult): boolean =>
  typeof certificate === 'string' && !isSealable(Buffer.from(certificate, 'base64'))

/**
 * Reads one instance's answer. The listing's 2,500 characters hold every success whole; a failure is
 * read by itself. The command's own status says nothing here: only the script's result line counts.
 * What asks or writes more than the listing waits until the command is over for all: it would be done
 * again at each look, and each instance that ends brings one.
 */
const readInvocation = async (
  ports: ObservePorts,
  operation: string,
  id: InstanceId,
  invocation: Invocation | undefined,
  isOver: boolean,
): Promise<Answer> => {
  if (!isTerminal(invocation)) return toAbsence(id, 'waiting', null, null)
  const short = parseHostResult(invocation.output)
  if (short !== null && hasUnusableKey(short))
    return toAbsence(id, 'failed', 'envelope_invalid', 'the certificate is not one on P-256')
  if (short?.outcome === 'succeeded') {
    if (isOver) await remember(ports, id, short)
    return toAnswer(id, short, invocation.output)
  }
  if (!isOver) return toAbsence(id, 'waiting', null, null)
  const { stdout, stderr } = await ports.commands.output(operation, id)
  // The one may lag behind the other: what either says is said.
  const result = parseHostResult(stdout) ?? short
  if (result === null) return toLoss(id, invocation, stderr)
  await remember(ports, id, result)
  return toAnswer(id, result, stdout)
}

const toLoss = (id: InstanceId, invocation: Invocation, stderr: string): Answer => {
  const { reason, message } = explainLoss({ ...invocation, output: invocation.output + stderr })
  return toAbsence(id, 'lost', reason, message)
}

type Mask = (text: string) => string

/** Without the secrets to mask them by, a failing program's words are left out; what came of it is not. */
const withoutWords: Mask = () => '(left out: the secret could not be read to mask it)'

/** What a failing app prints may hold its settings; the host has masked it, and it is masked again. */
const createMask = (ports: ObservePorts, { release }: Order): (() => Promise<Mask>) => {
  let mask: Promise<Mask> | null = null
  return () => {
    mask ??=
      release === null
        ? Promise.resolve((text: string) => text)
        : ports.maskOutput(release).catch(() => withoutWords)
    return mask
  }
}

const maskFailure = async (answer: Answer, toMask: () => Promise<Mask>): Promise<Answer> => {
  const { outcome, message, tail } = answer
  if (outcome === 'waiting' || outcome === 'succeeded') return answer
  if (message === null && tail.length === 0) return answer
  const mask = await toMask()
  return {
    ...answer,
    message: message === null ? null : mask(message),
    tail: tail.map((line) => mask(line)),
  }
}

/** The answers to one command so far, as far as SSM lists them. */
export const observeCommand = async (
  ports: ObservePorts,
  order: Order,
  operation: string,
): Promise<readonly Answer[]> => {
  const invocations = await ports.commands.invocations(operation)
  const toMask = createMask(ports, order)
  const invocationOf = (id: InstanceId) => invocations.find(({ instance }) => instance === id)
  const isOver =
    order.instances.every((id) => isTerminal(invocationOf(id))) ||
    isLastLook(order.notAfter, toInstant(ports.clock()))
  return Promise.all(
    order.instances.map(async (id) =>
      maskFailure(await readInvocation(ports, operation, id, invocationOf(id), isOver), toMask),
    ),
  )
}
