import {
  Certificate,
  ContentInfo,
  EnvelopedData,
  IssuerAndSerialNumber,
  KeyAgreeRecipientInfo,
} from 'pkijs'
import * as z from 'zod'
import { buildDocument, type DocumentKind } from '../../host/documents.ts'
import type { Answer } from '../../src/deployment/step.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { Digest, Fence, Generation, type InstanceId } from '../../src/kernel/id.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import type { Command, Commands } from '../../src/targets/ec2/ports.ts'
import { readSettings } from './ec2-ports.ts'
import { answerOf, arrive, createHost, finish, type Host, type HostOrder } from './hosts.ts'
import type { InstanceKey } from './instance-key.ts'

const Document = z.object({
  parameters: z.record(z.string(), z.object({ allowedPattern: z.string() })),
})

/** What Systems Manager lets through as the parameters of a document. */
const patternsOf = (kind: DocumentKind): ReadonlyMap<string, RegExp> => {
  const { parameters } = Document.parse(JSON.parse(buildDocument(kind, 'test').content))
  return new Map(
    Object.entries(parameters).map(([name, rule]) => [name, new RegExp(rule.allowedPattern)]),
  )
}
export const documentPatterns = { prepare: patternsOf('prepare'), deploy: patternsOf('deploy') }

/** Whether the holder of a key opens the envelope. */
const readEnvelope = (base64: string) => {
  const info = ContentInfo.fromBER(Uint8Array.from(Buffer.from(base64, 'base64')))
  const data = new EnvelopedData({ schema: info.content })
  const serials = data.recipientInfos.map(({ value }) => {
    const [key] =
      value instanceof KeyAgreeRecipientInfo ? value.recipientEncryptedKeys.encryptedKeys : []
    const named: unknown = key?.rid.value
    return named instanceof IssuerAndSerialNumber ? named.serialNumber : null
  })
  const open = async ({ certificate, privateKey }: InstanceKey): Promise<boolean> => {
    const own = Certificate.fromBER(Uint8Array.from(certificate))
    const index = serials.findIndex((serial) => serial?.isEqual(own.serialNumber) === true)
    if (index === -1) return false
    const by = {
      recipientCertificate: own,
      recipientPrivateKey: Uint8Array.from(privateKey).buffer,
    }
    return data.decrypt(index, by).then(
      (text) => Buffer.from(text).toString().startsWith('landfall/1 '),
      () => false,
    )
  }
  // Many instances of a test share a key, and what it opens once it opens again.
  const opened = new Map<InstanceKey, Promise<boolean>>()
  return (key: InstanceKey): Promise<boolean> => {
    const opens = opened.get(key) ?? open(key)
    opened.set(key, opens)
    return opens
  }
}
type IsOpenedBy = ReturnType<typeof readEnvelope>

export const toLine = (result: unknown): string => `landfall/1 ${JSON.stringify(result)}\n`

/** The result line of an answer, as a host prints it. */
const toResult = ({ outcome, reason, serving, fenceSeen }: Answer) => ({
  outcome,
  reason,
  message: 'as it should be',
  fenceSeen,
  serving,
  steps: [{ name: 'inspect', status: 'succeeded', ms: 12 }],
})

const toHostOrder = ({ parameters }: Command): HostOrder => {
  const { Mode, Generation: number, Fence: fence, NotAfter, Settings = '' } = parameters
  const settings = readSettings(Settings)
  const valueOf = (name: string) =>
    settings.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1)
  const numbered = valueOf('numbered')
  return {
    purpose: Mode === undefined ? 'prepare' : Mode === 'restore' ? 'restore' : 'deploy',
    fence: Fence.parse(Number(fence ?? 0)),
    notAfter: new Date(Number(NotAfter) * 1000).toISOString(),
    hostSeconds: 60,
    numberedAt: numbered === undefined ? null : new Date(Number(numbered)).toISOString(),
    release:
      number === undefined || number === '0'
        ? null
        : {
            generation: Generation.parse(Number(number)),
            digest: Digest.parse(valueOf('digest')),
          },
  }
}

/** Stands in the place of a host: it gets what the host has printed. */
export type Speaker = (id: InstanceId, result: object) => string

/**
 * Systems Manager and hosts that carry out each command at once, as `host/` does: SSM refuses what the documents' own
 * patterns refuse, and a host takes no envelope that its key does not open.
 */
export const createSsmHosts = (
  keyOf: (id: InstanceId) => InstanceKey,
  clock: Clock,
  speak: Speaker,
) => {
  const hosts = new Map<string, Host>()
  const kept = new Map<Host, Set<number>>()
  const commands: ReadonlyMap<InstanceId, string>[] = []
  const refused: string[] = []
  const hostOf = (app: string, id: InstanceId): Host => {
    const host = hosts.get(`${app} ${id}`) ?? createHost(id)
    hosts.set(`${app} ${id}`, host)
    return host
  }

  const carryOut = async (
    command: Command,
    isOpenedBy: IsOpenedBy | null,
    id: InstanceId,
  ): Promise<object> => {
    const { App = '', Envelope } = command.parameters
    const [host, order, now] = [hostOf(App, id), toHostOrder(command), clock().getTime()]
    const arrived = arrive(host, { order, key: null, fault: 'none' }, now)
    if ('outcome' in arrived) return toResult(arrived)
    const containers = kept.get(host) ?? new Set([0])
    kept.set(host, containers)
    const number = order.release?.generation ?? 0
    if (Envelope === '-' && !containers.has(number))
      return toResult(answerOf(id, 'refused', 'secret_missing', { serving: host.serving }))
    const opens = await isOpenedBy?.(keyOf(id))
    const key = isOpenedBy === null ? null : opens === true ? host.key : -1
    const done = finish(host, { order, key, fault: 'none' }, now)
    if (done === null) throw new Error('a host without a fault has answered nothing')
    if (done.outcome === 'succeeded') containers.add(number)
    const certificate = Buffer.from(keyOf(id).certificate).toString('base64')
    return { ...toResult(done), ...(order.purpose === 'prepare' && { certificate }) }
  }

  const ports: Commands = {
    send: async (command) => {
      const kind = command.document.includes('-prepare-') ? 'prepare' : 'deploy'
      for (const [name, pattern] of documentPatterns[kind])
        if (!pattern.test(command.parameters[name] ?? '')) {
          refused.push(`${name}: ${command.parameters[name]?.slice(0, 40)}`)
          return fail({ kind: 'failed', message: `InvalidParameters: ${name}` })
        }
      const { Envelope = '-' } = command.parameters
      const isOpenedBy = Envelope === '-' ? null : readEnvelope(Envelope)
      const outputs = new Map<InstanceId, string>()
      for (const id of command.instances)
        outputs.set(id, speak(id, await carryOut(command, isOpenedBy, id)))
      commands.push(outputs)
      return succeed(`command-${commands.length}`)
    },
    invocations: async (command) =>
      [...(commands[Number(command.split('-')[1]) - 1] ?? [])].map(([instance, output]) => ({
        instance,
        status: output.includes('"succeeded"') ? 'Success' : 'Failed',
        statusDetails: 'Success',
        exitCode: output.includes('"succeeded"') ? 0 : 1,
        output: output.slice(0, 2500),
      })),
    output: async (command, id) => ({
      stdout: (commands[Number(command.split('-')[1]) - 1]?.get(id) ?? '').slice(0, 24_000),
      stderr: '',
    }),
    cancel: async () => {},
  }
  return { commands: ports, hostOf, refused }
}
