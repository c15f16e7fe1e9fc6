import type { ProxyImage, Renewal, RenewalRequest } from '../../../../src/deployment/proxy.ts'
import { expect, test } from 'vitest'
import type { Digest, InstanceId } from '../../../../src/kernel/id.ts'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import type { Command, Invocation } from '../../../../src/targets/ec2/ports.ts'
import {
  createRenewProxies,
  createResolveRenewal,
  type RenewPorts,
} from '../../../../src/targets/ec2/renew.ts'
import { after, instanceAt, start } from '../../../support/deployments.ts'
import { invocationOf, proxyImage } from '../../../support/ec2-ports.ts'
import { digestAt, silent } from '../../../support/examples.ts'

const request: RenewalRequest = { id: 'one', by: 'ada', at: start, digest: null }

const answered = (outcome: string, reason: string, message = ''): string =>
  `landfall/1 ${JSON.stringify({ outcome, reason, message })}\n`

interface Given {
  readonly online?: readonly InstanceId[]
  /** What each command's instance prints, in the order of sends; null keeps it running. */
  readonly outputs?: readonly (string | null)[]
  readonly isDown?: boolean
  /** What SSM says to each send instead of taking it; none takes it. */
  readonly refusals?: readonly ('invalid_instance' | 'throttled' | 'failed' | null)[]
}

/** A journal in memory under its condition, and instances that print what is given. */
const createStage = (given: Given = {}) => {
  const { online = [instanceAt(1), instanceAt(2)], outputs = [], refusals = [] } = given
  let now = Date.parse(start)
  let asked: RenewalRequest | null = request
  let stored: { renewal: Renewal; version: number } | null = null
  let isDown = given.isDown ?? false
  const reads: string[] = []
  const errors: object[] = []
  const warnings: object[] = []
  const tried: InstanceId[] = []
  const sent: Command[] = []
  const images: ProxyImage[] = []
  const ports: RenewPorts = {
    renewals: {
      loadRequest: async () => {
        reads.push('request')
        return asked
      },
      load: async () => {
        reads.push('renewal')
        return stored
      },
      record: async (renewal, expected) => {
        if ((stored?.version ?? 0) !== expected) return false
        stored = { renewal, version: expected + 1 }
        return true
      },
    },
    proxyImages: { replace: async (image) => void images.push(image) },
    resolve: async (digest: Digest | null) =>
      isDown
        ? fail('proxy_image_unavailable')
        : succeed({ ...proxyImage, digest: digest ?? digestAt(33) }),
    listOnline: async () => online,
    commands: {
      send: async (command) => {
        const refusal = refusals[tried.push(...command.instances) - 1]
        if (refusal) return fail({ kind: refusal, message: `SSM: ${refusal}` })
        sent.push(command)
        return succeed(`command-${sent.length}`)
      },
      invocations: async (command): Promise<readonly Invocation[]> => {
        const index = Number(command.slice('command-'.length)) - 1
        const output = outputs[index] ?? answered('succeeded', 'deployed')
        const id = sent[index]?.instances[0] ?? instanceAt(1)
        if (outputs[index] === null)
          return [invocationOf(1, { instance: id, status: 'InProgress' })]
        return [invocationOf(1, { instance: id, output })]
      },
    },
    stage: { owner: '000000000000/eu-west-3/test', renewDocument: 'renew' },
    clock: () => new Date(now),
    sleep: async (milliseconds) => void (now += milliseconds),
    log: {
      ...silent,
      warn: (_message, fields = {}) => void warnings.push(fields),
      error: (_message, fields = {}) => void errors.push(fields),
    },
  }
  return {
    ports,
    sent,
    tried,
    reads,
    errors,
    warnings,
    images,
    renew: createRenewProxies(ports),
    renewal: () => stored?.renewal ?? null,
    ask: (next: RenewalRequest) => void (asked = next),
    answer: () => void (isDown = false),
    advance: (seconds: number) => void (now += seconds * 1000),
  }
}

test('instances get the image one after the other, and the first that has it makes it the image of the stage', async () => {
  const { renew, sent, images, renewal } = createStage()
  await renew()
  expect(sent.map(({ instances }) => instances)).toEqual([[instanceAt(1)], [instanceAt(2)]])
  expect(sent[0]?.parameters).toMatchObject({
    Owner: '000000000000/eu-west-3/test',
    NotAfter: String(Date.parse(start) / 1000 + 330),
    Fence: String(Date.parse(start) / 1000),
    ProxyImage: `docker.io/library/haproxy@${digestAt(33)}`,
  })
  expect(images[0]).toMatchObject({ digest: digestAt(33) })
  expect(renewal()).toMatchObject({
    done: [instanceAt(1), instanceAt(2)],
    ended: { reason: 'deployed' },
  })
  await renew()
  expect(sent).toHaveLength(2)
})

test('the first failure ends it: no further instance is asked, and the stage keeps its image', async () => {
  const output = answered('failed', 'switch_failed', 'the image does not take the configuration')
  const { renew, sent, images, renewal } = createStage({ outputs: [output] })
  await renew()
  expect(sent).toHaveLength(1)
  expect(images).toEqual([])
  expect(renewal()?.ended).toMatchObject({
    reason: 'switch_failed',
    message: `${instanceAt(1)}: the image does not take the configuration`,
  })
})

test('an instance that fails each time holds the others up once: the next renewal begins with those not asked', async () => {
  const broken = answered('failed', 'pull_failed', 'no space left on device')
  const online = [instanceAt(1), instanceAt(2), instanceAt(3)]
  const { renew, sent, renewal, ask } = createStage({ online, outputs: [broken, null] })
  await renew()
  ask({ ...request, id: 'two' })
  await renew()
  expect(sent.map(({ instances }) => instances[0])).toEqual([instanceAt(1), instanceAt(2)])
  expect(renewal()?.waiting).toEqual([instanceAt(3), instanceAt(1)])
})

const nothingToDo = answered('succeeded', 'already_live', 'no proxy here needs another image')

test('an instance without a proxy proves nothing: where the next one fails, the stage keeps its image', async () => {
  const outputs = [nothingToDo, answered('failed', 'pull_failed', 'manifest unknown')]
  const { renew, images, renewal } = createStage({ outputs })
  await renew()
  expect(renewal()).toMatchObject({ done: [instanceAt(1)], ended: { reason: 'pull_failed' } })
  expect(images).toEqual([])
})

test.each([
  ['no instance is online', []],
  ['none has a proxy to renew', [instanceAt(1), instanceAt(2)]],
])('where %s the stage has the image at the end', async (_name, online) => {
  const { renew, images, renewal } = createStage({ online, outputs: online.map(() => nothingToDo) })
  await renew()
  expect(renewal()?.ended?.reason).toBe('deployed')
  expect(images).toMatchObject([{ digest: digestAt(33) }])
})

test('an instance with a deployment under way has its turn after the others', async () => {
  const { renew, sent, renewal } = createStage({ outputs: [answered('failed', 'busy')] })
  await renew()
  await renew()
  expect(sent.map(({ instances }) => instances[0])).toEqual([
    instanceAt(1),
    instanceAt(2),
    instanceAt(1),
  ])
  expect(renewal()?.ended?.reason).toBe('deployed')
})

test('no second instance is asked while the first has not answered, and one that never does ends it', async () => {
  const { renew, sent, renewal, advance } = createStage({ outputs: [null] })
  await renew()
  expect(sent).toHaveLength(1)
  expect(renewal()).toMatchObject({ asked: { instance: instanceAt(1), command: 'command-1' } })
  advance(330)
  await renew()
  expect(sent).toHaveLength(1)
  expect(renewal()?.ended?.reason).toBe('no_answer')
})

test('a run that ended between its intent and its send is made up for by another, with the same fence', async () => {
  const { ports, sent, renew, renewal, advance } = createStage({ online: [instanceAt(1)] })
  const send = () => Promise.reject(new Error('killed'))
  await expect(
    createRenewProxies({ ...ports, commands: { ...ports.commands, send } })(),
  ).rejects.toThrow('killed')
  await renew()
  expect(sent).toEqual([])
  advance(21)
  await renew()
  expect(sent.map(({ parameters }) => parameters['Fence'])).toEqual([
    String(Date.parse(start) / 1000),
  ])
  expect(renewal()?.ended?.reason).toBe('deployed')
})

test('two runs at one time send each instance one command', async () => {
  const { renew, sent, renewal } = createStage()
  await Promise.all([renew(), renew(), renew()])
  await renew()
  expect(sent.map(({ instances }) => instances[0])).toEqual([instanceAt(1), instanceAt(2)])
  expect(renewal()?.ended?.reason).toBe('deployed')
})

test('a registry that does not answer delays a renewal, and a digest that is given is the one sent', async () => {
  const stage = createStage({ isDown: true, online: [instanceAt(1)] })
  stage.ask({ ...request, digest: digestAt(9) })
  await stage.renew()
  expect(stage.renewal()).toBeNull()
  stage.answer()
  await stage.renew()
  expect(stage.sent[0]?.parameters['ProxyImage']).toBe(`docker.io/library/haproxy@${digestAt(9)}`)
})

test('a request that could not begin within an hour ends, and the next one begins', async () => {
  const stage = createStage({ isDown: true, online: [instanceAt(1)] })
  await stage.renew()
  stage.advance(3601)
  await stage.renew()
  expect(stage.renewal()).toMatchObject({
    request,
    image: null,
    ended: { reason: 'proxy_image_unavailable' },
  })
  expect([stage.sent, stage.images, stage.errors]).toEqual([[], [], [{ by: 'ada' }]])
  stage.answer()
  await stage.renew()
  expect(stage.sent).toEqual([])
  stage.ask({ ...request, id: 'two', at: after(3700) })
  await stage.renew()
  expect(stage.renewal()?.ended?.reason).toBe('deployed')
})

test('a tick without a renewal reads two items, and a command that runs costs one read a second', async () => {
  const idle = createStage()
  await idle.renew()
  idle.reads.length = 0
  await idle.renew()
  expect(idle.reads).toEqual(['renewal', 'request'])
  const running = createStage({ outputs: [null] })
  await running.renew()
  expect(running.reads.filter((read) => read === 'request')).toHaveLength(1)
  expect(running.reads.filter((read) => read === 'renewal').length).toBeLessThan(45)
})

test('a run that has read a request does not begin it after another run has ended a later one', async () => {
  const stage = createStage()
  const { renewals } = stage.ports
  const later = { ...request, id: 'two', at: after(30) }
  const loadRequest = async () => {
    if (stage.renewal() !== null) return renewals.loadRequest()
    stage.ask(later)
    await stage.renew()
    return request
  }
  await createRenewProxies({ ...stage.ports, renewals: { ...renewals, loadRequest } })()
  expect(stage.sent).toHaveLength(2)
  expect(stage.renewal()).toMatchObject({ request: later, ended: { reason: 'deployed' } })
})

test('a throttled send is made again by a later run', async () => {
  const { renew, tried, advance, renewal } = createStage({ refusals: ['throttled'] })
  await renew()
  expect(renewal()).toMatchObject({ asked: { instance: instanceAt(1), command: null } })
  advance(21)
  await renew()
  expect(tried).toEqual([instanceAt(1), instanceAt(1), instanceAt(2)])
  expect(renewal()?.ended?.reason).toBe('deployed')
})

test('a run that wrote its intent too slowly leaves the send to another', async () => {
  const stage = createStage()
  const { renewals } = stage.ports
  const record: typeof renewals.record = async (renewal, expected) => {
    stage.advance(renewal.asked === null ? 0 : 11)
    return renewals.record(renewal, expected)
  }
  await createRenewProxies({ ...stage.ports, renewals: { ...renewals, record } })()
  expect(stage.tried).toEqual([])
})

test('a renewal waits for the deployments on an instance until its request is an hour old', async () => {
  const busy = answered('failed', 'busy', 'a deployment of shop runs')
  const { renew, advance, renewal } = createStage({
    online: [instanceAt(1)],
    outputs: [busy, busy],
  })
  await renew()
  advance(3600)
  await renew()
  expect(renewal()?.ended?.reason).toBe('busy')
})

test('an instance that is gone when its turn comes is left out', async () => {
  const { renew, sent, renewal, warnings } = createStage({ refusals: ['invalid_instance'] })
  await renew()
  expect(sent.map(({ instances }) => instances[0])).toEqual([instanceAt(2)])
  expect(renewal()).toMatchObject({ done: [instanceAt(2)], ended: { reason: 'deployed' } })
  expect(warnings).toEqual([{ instance: instanceAt(1), reason: 'instance_offline' }])
})

test('a send that SSM refuses ends a renewal, and is logged as an error', async () => {
  const { renew, tried, renewal, errors } = createStage({ refusals: ['failed'] })
  await renew()
  expect(tried).toEqual([instanceAt(1)])
  expect(renewal()?.ended).toMatchObject({ message: `${instanceAt(1)}: SSM: failed` })
  expect(errors).toEqual([{ instance: instanceAt(1), reason: 'send_failed' }])
})

test('an instance that always says busy gets one command a run', async () => {
  const outputs = Array.from({ length: 100 }, () => answered('failed', 'busy'))
  const { renew, sent } = createStage({ online: [instanceAt(1)], outputs })
  for (let run = 1; run <= 3; run += 1) {
    await renew()
    expect(sent).toHaveLength(run)
  }
})

test("an instance's answer is cut to a plain line, and a reason that Landfall does not know is no answer", async () => {
  const output = answered('failed', 'made_up', `\u001b[31m${'x'.repeat(5000)}\nnext`)
  const { renew, renewal } = createStage({ outputs: [output] })
  await renew()
  const { reason, message = '' } = renewal()?.ended ?? {}
  expect(reason).toBe('no_answer')
  expect(message).toMatch(/^i-00000001: [^\p{Cc}]*x{200}[^\p{Cc}]*$/u)
  expect(message.length).toBeLessThanOrEqual(300)
})

test('the answer of another instance to the same command counts for nothing', async () => {
  const { ports, renewal, images } = createStage({ online: [instanceAt(1)] })
  const output = answered('succeeded', 'deployed')
  const invocations = async () => [
    invocationOf(2, { instance: instanceAt(2), output }),
    invocationOf(1, { instance: instanceAt(1), status: 'InProgress' }),
  ]
  await createRenewProxies({ ...ports, commands: { ...ports.commands, invocations } })()
  expect(renewal()).toMatchObject({ asked: { instance: instanceAt(1) }, done: [] })
  expect(images).toEqual([])
})

test('a digest that is given is of the repository that the setting names, and asks no registry', async () => {
  const asked: string[] = []
  const findDigest = async ({ image }: { image: string }, tag: string) => {
    asked.push(`${image} ${tag}`)
    return succeed(digestAt(2))
  }
  const ports = { findDigest, clock: () => new Date(start), log: silent }
  const resolve = createResolveRenewal(ports, 'registry.example:5000/haproxy:3.2')
  const image = 'registry.example:5000/haproxy'
  expect(await resolve(digestAt(9))).toMatchObject({ value: { image, digest: digestAt(9) } })
  expect(asked).toEqual([])
  expect(await resolve(null)).toMatchObject({ value: { image, tag: '3.2', digest: digestAt(2) } })
  expect(asked).toEqual([`${image} 3.2`])
})
