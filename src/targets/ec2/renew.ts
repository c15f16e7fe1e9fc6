import {
  beginRenewal,
  dropRequest,
  isTooOld,
  takeAnswer,
  takeTurn,
  type BegunRenewal,
  type FoundProxyImage,
  type ProxyImages,
  type Renewal,
  type Renewals,
  type TurnAnswer,
} from '../../deployment/proxy.ts'
import { intentOwnedSeconds, isPast, sendWithinSeconds } from '../../deployment/deadline.ts'
import {
  addSeconds,
  secondsBetween,
  toInstant,
  type Clock,
  type Instant,
} from '../../kernel/clock.ts'
import type { Digest, InstanceId } from '../../kernel/id.ts'
import type { Log } from '../../kernel/log.ts'
import { toPlainLine } from '../../kernel/plain-line.ts'
import { maxMessageLength } from '../answers.ts'
import type { Commands, Ec2Stage } from './ports.ts'
import { parseReference } from '../../registry/image.ts'
import { resolveProxyImage, toProxyReference } from './proxy-image.ts'
import { explainLoss } from './loss.ts'
import { isTerminal, parseHostResult, toResultReason } from './result.ts'

export interface RenewPorts {
  readonly renewals: Renewals
  readonly proxyImages: Pick<ProxyImages, 'replace'>
  readonly resolve: (digest: Digest | null) => Promise<FoundProxyImage>
  readonly listOnline: () => Promise<readonly InstanceId[]>
  readonly commands: Pick<Commands, 'send' | 'invocations'>
  readonly stage: Pick<Ec2Stage, 'owner'> & { readonly renewDocument: string }
  readonly clock: Clock
  readonly sleep: (milliseconds: number) => Promise<void>
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>
}

/** The script ends within 240 s of its start. */
const longestCommandSeconds = 330
/** Lambda ends a run after 60 s. */
const longestLookSeconds = 40

/** A renewal and the version that it was read with. */
interface Read<One extends Renewal = BegunRenewal> {
  readonly renewal: One
  readonly version: number
}

/** `poll`: a command is under way; `leave`: only the next tick can go on. */
type RenewalTurn = 'moved' | 'poll' | 'leave'

const sendRenewal = async (
  { commands, stage, clock }: RenewPorts,
  { request, image }: BegunRenewal,
  instance: InstanceId,
) => {
  const endsAt = Math.floor(clock().getTime() / 1000) + longestCommandSeconds
  return commands.send({
    document: stage.renewDocument,
    instances: [instance],
    parameters: {
      Owner: stage.owner,
      NotAfter: String(endsAt),
      // A later request has a higher fence, also after a restored journal.
      Fence: String(Math.floor(Date.parse(request.at) / 1000)),
      ProxyImage: toProxyReference(image),
    },
    comment: `landfall renew-proxy ${image.digest.slice(0, 19)}`,
    deliverySeconds: 60,
  })
}

/** Null while the command is under way. */
const readAnswer = async (
  { commands }: RenewPorts,
  { instance, at }: NonNullable<Renewal['asked']>,
  command: string,
  now: Instant,
): Promise<TurnAnswer | null> => {
  const invocations = await commands.invocations(command)
  const invocation = invocations.find((one) => one.instance === instance)
  if (!isTerminal(invocation))
    return isPast(addSeconds(at, longestCommandSeconds), now)
      ? { isDone: false, reason: 'no_answer', message: 'no answer in time' }
      : null
  const result = parseHostResult(invocation.output)
  if (result === null) return { isDone: false, ...explainLoss(invocation) }
  const { outcome, message } = result
  const reason = toResultReason(result.reason) ?? 'no_answer'
  return { isDone: outcome === 'succeeded', reason, message }
}

/** Records what follows from an answer. `busy` costs one command a minute, however often it is said. */
const recordAnswer = async (
  ports: RenewPorts,
  { renewal, version }: Read,
  instance: InstanceId,
  answer: TurnAnswer,
): Promise<RenewalTurn> => {
  const { isDone, reason } = answer
  // Proved by one instance: from now on it is what a new proxy is made of. One without a proxy to renew proves nothing.
  if (isDone && reason === 'deployed') await ports.proxyImages.replace(renewal.image)
  const message = toPlainLine(`${instance}: ${answer.message}`, maxMessageLength)
  const now = toInstant(ports.clock())
  const next = takeAnswer(renewal, instance, { isDone, reason, message }, now)
  if (!(await ports.renewals.record(next, version))) return 'moved'
  if (next.ended !== null) ports.log.error('renewal of proxies failed', { instance, reason })
  else if (!isDone) ports.log.warn('instance not renewed', { instance, reason })
  return reason === 'busy' ? 'leave' : 'moved'
}

/** Sends what was written as intended, within its time, and writes that it was sent. Throttling is left to a later try. */
const sendTurn = async (
  ports: RenewPorts,
  { renewal, version }: Read,
  asked: NonNullable<Renewal['asked']>,
): Promise<RenewalTurn> => {
  if (secondsBetween(asked.at, toInstant(ports.clock())) > sendWithinSeconds) return 'leave'
  const sent = await sendRenewal(ports, renewal, asked.instance)
  if (sent.ok) {
    await ports.renewals.record({ ...renewal, asked: { ...asked, command: sent.value } }, version)
    return 'moved'
  }
  const { kind, message } = sent.error
  if (kind === 'throttled') return 'leave'
  const reason = kind === 'invalid_instance' ? 'instance_offline' : 'send_failed'
  const failure = { isDone: false, reason, message } as const
  return recordAnswer(ports, { renewal, version }, asked.instance, failure)
}

const startRenewal = async (
  ports: RenewPorts,
  last: Read<Renewal> | null,
): Promise<RenewalTurn> => {
  // Read after `last`, whose version tells if another run has begun one since.
  const request = await ports.renewals.loadRequest()
  if (request === null || request.id === last?.renewal.request.id) return 'leave'
  const now = toInstant(ports.clock())
  if (isTooOld(request, now)) {
    ports.log.error('renewal of proxies not begun', { by: request.by })
    await ports.renewals.record(dropRequest(request, now), last?.version ?? 0)
    return 'moved'
  }
  const found = await ports.resolve(request.digest)
  if (!found.ok) return 'leave'
  const online = await ports.listOnline()
  const renewal = beginRenewal(request, found.value, online, last?.renewal.waiting ?? [])
  if (await ports.renewals.record(renewal, last?.version ?? 0))
    ports.log.info('renewal of proxies begun', { digest: renewal.image.digest, by: request.by })
  return 'moved'
}

const beginTurn = async (
  ports: RenewPorts,
  { renewal, version }: Read,
  now: Instant,
): Promise<RenewalTurn> => {
  const next = takeTurn(renewal, now)
  // Also where nothing could prove it: no instance is online, or none has a proxy to renew.
  if (next.ended !== null) await ports.proxyImages.replace(renewal.image)
  if (!(await ports.renewals.record(next, version)) || next.asked === null) return 'moved'
  return sendTurn(ports, { renewal: next, version: version + 1 }, next.asked)
}

const advanceRenewal = async (ports: RenewPorts): Promise<RenewalTurn> => {
  const last = await ports.renewals.load()
  if (last === null || last.renewal.ended !== null) return startRenewal(ports, last)
  const { version } = last
  const { image, asked } = last.renewal
  if (image === null) return 'leave'
  const renewal = { ...last.renewal, image }
  const now = toInstant(ports.clock())
  if (asked === null) return beginTurn(ports, { renewal, version }, now)
  if (asked.command === null) {
    // Until then the run that wrote it may send it.
    if (!isPast(addSeconds(asked.at, intentOwnedSeconds), now)) return 'leave'
    const waiting = [asked.instance, ...renewal.waiting]
    return beginTurn(ports, { renewal: { ...renewal, waiting }, version }, now)
  }
  const answer = await readAnswer(ports, asked, asked.command, now)
  if (answer === null) return 'poll'
  return recordAnswer(ports, { renewal, version }, asked.instance, answer)
}

/** Brings a renewal on until only waiting is left; the schedule calls it again. Any number may run at a time. */
export const createRenewProxies = (ports: RenewPorts) => async (): Promise<void> => {
  const leaveAt = ports.clock().getTime() + longestLookSeconds * 1000
  while (ports.clock().getTime() < leaveAt) {
    const step = await advanceRenewal(ports)
    if (step === 'leave') return
    if (step === 'poll') await ports.sleep(1000)
  }
}

/** The image of a request: of the digest that it gives, or of the one that the setting's tag names now. */
export const createResolveRenewal =
  (ports: Parameters<typeof resolveProxyImage>[0], setting: string): RenewPorts['resolve'] =>
  (digest) =>
    resolveProxyImage(
      ports,
      digest === null ? setting : `${parseReference(setting).image}@${digest}`,
    )
