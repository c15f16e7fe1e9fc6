import type {
  FoundProxyImage,
  ProxyImage,
  ProxyImages,
  Renewal,
  RenewalRequest,
  Renewals,
} from '../../deployment/proxy.ts'
import { isPast } from '../../deployment/deadline.ts'
import { addSeconds, toInstant, type Clock, type Instant } from '../../kernel/clock.ts'
import type { Digest, InstanceId } from '../../kernel/id.ts'
import type { Log } from '../../kernel/log.ts'
import { toPlainLine } from '../../kernel/plain-line.ts'
import type { Reason } from '../../kernel/reason.ts'
import { maxMessageLength } from '../answers.ts'
import type { Commands, Ec2Stage } from './ports.ts'
import { parseReference } from '../../registry/image.ts'
import { resolveProxyImage, toProxyReference } from './proxy-image.ts'
import { explainLoss, isTerminal, parseHostResult, toResultReason } from './result.ts'

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

/** A sender sends within this time or not at all; then another run sends the same command. */
const sendsWithinSeconds = 20
/** The script ends within 240 s of its start. */
const longestCommandSeconds = 330
/** A registry that does not answer, or deployments that hold an instance, are waited for as long as this. */
const longestRenewalSeconds = 3600
/** Lambda ends a run after 60 s. */
const longestLookSeconds = 40

type Begun = Renewal & { readonly image: ProxyImage }

const end = <One extends Renewal>(
  renewal: One,
  reason: Reason,
  message: string,
  now: Instant,
): One => ({
  ...renewal,
  asked: null,
  ended: { at: now, reason, message },
})

const isTooOld = ({ at }: RenewalRequest, now: Instant) =>
  isPast(addSeconds(at, longestRenewalSeconds), now)

/**
 * Null while the registry does not answer. Those that the last renewal did not get to come first: an instance that fails
 * each time holds up no other for good.
 */
const planRenewal = async (
  ports: RenewPorts,
  request: RenewalRequest,
  last: Renewal | null,
): Promise<Begun | null> => {
  const found = await ports.resolve(request.digest)
  if (!found.ok) return null
  const wasLeft = new Set(last?.waiting)
  const online = await ports.listOnline()
  const waiting = [
    ...online.filter((id) => wasLeft.has(id)),
    ...online.filter((id) => !wasLeft.has(id)),
  ]
  return { request, image: found.value, waiting, asked: null, done: [], ended: null }
}

const sendRenewal = async (
  { commands, stage, clock }: RenewPorts,
  { request, image }: Begun,
  instance: InstanceId,
) => {
  const endsAt = Math.floor(clock().getTime() / 1000) + longestCommandSeconds
  return commands.send({
    document: stage.renewDocument,
    instances: [instance],
    parameters: {
      Owner: stage.owner,
      NotAfter: String(endsAt),
      // Later words have higher fences, also after a restored journal.
      Fence: String(Math.floor(Date.parse(request.at) / 1000)),
      ProxyImage: toProxyReference(image),
    },
    comment: `landfall renew-proxy ${image.digest.slice(0, 19)}`,
    deliverySeconds: 60,
  })
}

/** The next instance's turn, written before the command is sent; or the end. */
const takeTurn = (renewal: Begun, now: Instant): Begun => {
  const [instance, ...waiting] = renewal.waiting
  if (instance !== undefined)
    return { ...renewal, waiting, asked: { instance, at: now, command: null } }
  const { done } = renewal
  return end(renewal, 'deployed', `every proxy of ${done.length} instances has the image`, now)
}

/** What follows from the answer of the one that was asked. A deployment that holds it is waited for; else the first failure ends all. */
const takeAnswer = (
  renewal: Renewal,
  instance: InstanceId,
  { isDone, reason, message }: { isDone: boolean; reason: Reason; message: string },
  now: Instant,
): Renewal => {
  const next = { ...renewal, asked: null }
  if (isDone) return { ...next, done: [...renewal.done, instance] }
  if (reason === 'busy' && !isTooOld(renewal.request, now))
    return { ...next, waiting: [...renewal.waiting, instance] }
  return end(renewal, reason, toPlainLine(`${instance}: ${message}`, maxMessageLength), now)
}

/** Null while the command is under way. */
const readAnswer = async (
  { commands }: RenewPorts,
  { instance, at }: NonNullable<Renewal['asked']>,
  command: string,
  now: Instant,
) => {
  const invocations = await commands.invocations(command)
  const invocation = invocations.find((one) => one.instance === instance)
  if (!isTerminal(invocation))
    return isPast(addSeconds(at, longestCommandSeconds), now)
      ? ({ isDone: false, reason: 'no_answer', message: 'no answer in time' } as const)
      : null
  const result = parseHostResult(invocation.output)
  if (result === null) return { isDone: false, ...explainLoss(invocation) }
  const { outcome, message } = result
  const reason = toResultReason(result.reason) ?? 'no_answer'
  return { isDone: outcome === 'succeeded', reason, message }
}

/** Sends what was written as intended, and writes that it was sent. Throttling is left to a later try. */
const sendTurn = async (
  ports: RenewPorts,
  renewal: Begun,
  version: number,
  asked: NonNullable<Renewal['asked']>,
): Promise<boolean> => {
  const sent = await sendRenewal(ports, renewal, asked.instance)
  const now = toInstant(ports.clock())
  if (sent.ok)
    return ports.renewals.record({ ...renewal, asked: { ...asked, command: sent.value } }, version)
  if (sent.error.kind === 'throttled') return false
  const failure = { isDone: false, reason: 'send_failed', message: sent.error.message } as const
  return ports.renewals.record(takeAnswer(renewal, asked.instance, failure, now), version)
}

const dropRequest = (request: RenewalRequest, now: Instant): Renewal =>
  end(
    { request, image: null, waiting: [], asked: null, done: [], ended: null },
    'proxy_image_unavailable',
    'not begun within an hour: the registry did not name the image, or another renewal went on',
    now,
  )

const startRenewal = async (
  ports: RenewPorts,
  request: RenewalRequest,
  last: { readonly renewal: Renewal; readonly version: number } | null,
): Promise<boolean> => {
  if (request.id === last?.renewal.request.id) return false
  const now = toInstant(ports.clock())
  if (isTooOld(request, now)) {
    ports.log.error('renewal of proxies not begun', { by: request.by })
    return ports.renewals.record(dropRequest(request, now), last?.version ?? 0)
  }
  const renewal = await planRenewal(ports, request, last?.renewal ?? null)
  if (renewal === null) return false
  ports.log.info('renewal of proxies begun', { digest: renewal.image.digest, by: request.by })
  return ports.renewals.record(renewal, last?.version ?? 0)
}

/** One step; false where only waiting is left. */
const advanceRenewal = async (ports: RenewPorts): Promise<boolean> => {
  const request = await ports.renewals.loadRequest()
  if (request === null) return false
  const last = await ports.renewals.load()
  if (last === null || last.renewal.ended !== null) return startRenewal(ports, request, last)
  const { version } = last
  const { image, asked } = last.renewal
  if (image === null) return false
  const renewal = { ...last.renewal, image }
  const now = toInstant(ports.clock())
  if (asked === null) return beginTurn(ports, renewal, version, now)
  if (asked.command === null)
    return isPast(addSeconds(asked.at, sendsWithinSeconds), now)
      ? beginTurn(
          ports,
          { ...renewal, waiting: [asked.instance, ...renewal.waiting] },
          version,
          now,
        )
      : false
  const answer = await readAnswer(ports, asked, asked.command, now)
  if (answer === null) return false
  const next = takeAnswer(renewal, asked.instance, answer, now)
  if (next.ended !== null)
    ports.log.error('renewal of proxies failed', {
      instance: asked.instance,
      reason: next.ended.reason,
    })
  // Proved by one instance: from now on it is what a new proxy is made of. One without a proxy to renew proves nothing.
  if (answer.isDone && answer.reason === 'deployed') await ports.proxyImages.replace(renewal.image)
  return ports.renewals.record(next, version)
}

const beginTurn = async (
  ports: RenewPorts,
  renewal: Begun,
  version: number,
  now: Instant,
): Promise<boolean> => {
  const next = takeTurn(renewal, now)
  // Also where nothing could prove it: no instance is online, or none has a proxy to renew.
  if (next.ended !== null) await ports.proxyImages.replace(renewal.image)
  if (!(await ports.renewals.record(next, version))) return true
  return next.asked === null || sendTurn(ports, next, version + 1, next.asked)
}

/** Brings a renewal on until only waiting is left; the schedule calls it again. Any number may run at a time. */
export const createRenewProxies = (ports: RenewPorts) => async (): Promise<void> => {
  const leaveAt = ports.clock().getTime() + longestLookSeconds * 1000
  while (ports.clock().getTime() < leaveAt) {
    if (await advanceRenewal(ports)) continue
    const asked = (await ports.renewals.load())?.renewal.asked ?? null
    // Without a command another run is about to send it, or there is nothing to do.
    if (asked === null || asked.command === null) return
    await ports.sleep(1000)
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
