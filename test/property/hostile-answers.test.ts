import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { createCertificates } from '../../src/journal/certificates.ts'
import { createHistory } from '../../src/journal/history.ts'
import { itemKey } from '../../src/journal/keys.ts'
import { AppName, Fence, Generation, InstanceId } from '../../src/kernel/id.ts'
import type { Purpose } from '../../src/deployment/deployment.ts'
import type { Answer } from '../../src/deployment/step.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import { succeed } from '../../src/kernel/result.ts'
import { createReconcile } from '../../src/rollout/reconcile.ts'
import { createEc2Target } from '../../src/targets/ec2/ec2.ts'
import { createMaskOutput, createSealEnvelope } from '../../src/targets/ec2/seal.ts'
import type { Ec2Ports } from '../../src/targets/ec2/ports.ts'
import type { Order, Target } from '../../src/targets/target.ts'
import { plainly } from '../support/calls.ts'
import { createEc2Ports, invocationOf, machine, orderOf } from '../support/ec2-ports.ts'
import { digestAt, ec2, silent } from '../support/examples.ts'
import { instanceAt, lettings, start } from '../support/deployments.ts'
import { hostPlanOf, toOutput } from '../support/host-plans.ts'
import { answerOf } from '../support/hosts.ts'
import { deploying } from '../support/core.ts'
import { createEc2View } from '../../src/targets/ec2/plan.ts'
import { intentOf, type Head } from '../../src/deployment/head.ts'
import { decide, evolve } from '../../src/deployment/transition.ts'
import type { Observation } from '../../src/deployment/observation.ts'
import { createKeyRing, type InstanceKey } from '../support/instance-key.ts'
import { useJournal } from '../support/journal-table.ts'
import { createJournalWorld } from '../support/journal-world.ts'
import {
  certificateLies,
  liesOf,
  makeCertificates,
  planLies,
  rename,
  type Lie,
} from '../support/lies.ts'
import { operate, tickOf } from '../support/runs.ts'
import { inFull } from '../support/size.ts'
import { createSsmHosts, documentPatterns, toLine, type Speaker } from '../support/ssm-hosts.ts'
import { failedSecret } from '../support/failed-secret.ts'
import { readLoginOf } from '../support/read-login.ts'

const journal = await useJournal()
const ring = createKeyRing()
afterAll(() => ring.remove())
const keys = ring.makeAll(['i-00000001', 'i-00000002', 'i-00000003'])
const [own] = keys
if (own === undefined) throw new Error('openssl made no key')
const certificates = makeCertificates(ring, own)
/** Any lies, or certificates alone: else an instance hardly comes to be sealed for. */
const storyOf = (length: number): fc.Arbitrary<Lie[]> =>
  fc.oneof(
    ...[liesOf(certificates), certificateLies(certificates)].map((lies) =>
      fc.array(lies, { minLength: length, maxLength: length }),
    ),
  )
/** The key of an instance, by the last digit of its id, in a certificate of its name. */
const keyOf = (id: InstanceId): InstanceKey => {
  const key = keys[Number.parseInt(id.at(-1) ?? '', 16) % 3] ?? own
  return { ...key, certificate: rename(key.certificate, id) }
}

const counts = new Map<string, number>()
const count = (kind: string): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1)
afterAll(() => {
  const rows = [...counts].sort(([one], [other]) => one.localeCompare(other))
  const all = rows.reduce((sum, [, times]) => sum + times, 0)
  const lines = rows.map(([kind, times]) => `${String(times).padStart(7)}  ${kind}`)
  process.stdout.write(`${all} hostile answers of an instance\n${lines.join('\n')}\n`)
})

const noSecret = () => Promise.resolve(failedSecret('secret_missing'))

/** What an EC2 target is made of: the journal and the envelopes are real, SSM and the hosts are played. */
const openPorts = (instances: readonly InstanceId[], speak: Speaker, clock: Clock) => {
  const hosts = createSsmHosts(keyOf, clock, speak)
  const ports: Ec2Ports = {
    ...createEc2Ports({ fleet: instances.map((id) => machine(1, { id })) }).ports,
    commands: hosts.commands,
    certificates: createCertificates(journal.table, silent),
    sealEnvelope: createSealEnvelope(noSecret, readLoginOf(noSecret)),
    maskOutput: createMaskOutput(noSecret),
    clock,
  }
  return { hosts, ports }
}

/** An app on some of the instances; what it records lies in the real journal, as do the certificates. */
const openApp = (name: string, instances: readonly InstanceId[], speak: Speaker) => {
  const rollout = { batch: { kind: 'count', value: 50 }, pauseSeconds: 0 } as const
  const stage = createJournalWorld(journal.table, {
    instances: 1,
    app: {
      name: AppName.parse(name),
      env: { KEY: 'value' },
      targets: [ec2({ rollout, predeploy: null })],
    },
  })
  const { world } = stage
  const { ports, hosts } = openPorts(instances, speak, () => new Date(world.now()))
  const toPorts: typeof world.toPorts = (call) => ({
    ...world.toPorts(call),
    toTarget: (settings) => {
      if (settings.kind !== 'ec2') throw new Error('an app on instances alone')
      return createEc2Target(ports, settings)
    },
  })
  /** A tick a minute, until nothing is open. */
  const settle = async () => {
    for (let minute = 0; minute < 40; minute += 1) {
      const scan = { at: world.instant(), returned: [] }
      await createReconcile(toPorts(plainly))(tickOf(world, { scan, by: `run-${minute}` }))
      world.advance(60_000)
      const head = await stage.loadHead()
      if (head.deployment === null && head.rollback?.refusal !== null) return head
    }
    throw new Error(`${name} is open after 40 minutes`)
  }
  const deploy = async (index: number) => {
    await stage.push(index)
    return settle()
  }
  const goBack = async () => {
    await operate({ ...world, toPorts }, { kind: 'rollback', to: null }, `back-${world.now()}`)
    return settle()
  }
  const expectLive = async (some: readonly InstanceId[], index?: number): Promise<void> => {
    const [live] = (await stage.loadHead()).releases
    if (index !== undefined) expect(live?.digest).toBe(digestAt(index))
    const serving = some.map((id) => hosts.hostOf(world.app.name, id).serving?.generation ?? null)
    expect(serving).toEqual(some.map(() => live?.generation))
  }
  return {
    world: { ...world, toPorts },
    deploy,
    goBack,
    loadHead: stage.loadHead,
    /** These instances serve the live release, which is that of the commit. */
    expectLive,
    /** The parameters that Systems Manager has refused. */
    refused: hosts.refused,
  }
}

/** A million more commands have parameters that their document takes, and records in their order. */
const expectRoom = ({ version, generation }: { version: number; generation: number }): void => {
  const [fence, number] = [version + 1_000_000, generation + 1_000_000]
  expect(String(fence)).toMatch(documentPatterns.deploy.get('Fence') ?? /never/)
  expect(String(number)).toMatch(documentPatterns.deploy.get('Generation') ?? /never/)
  const app = AppName.parse('shop')
  const id = InstanceId.parse('i-00000001')
  const keyOf = (of: number, deployed: number) => [
    itemKey.step(app, {
      generation: Generation.parse(1),
      instance: id,
      fence: Fence.parse(of),
      purpose: 'deploy',
      at: '',
      outcome: 'lost',
      reason: null,
      message: null,
      steps: [],
      tail: [],
    }).sk,
    itemKey.deployment(app, Generation.parse(deployed)).sk,
  ]
  for (const [place, key] of keyOf(fence, number).entries()) {
    const before = keyOf(version, generation)[place] ?? ''
    expect(key > before).toBe(true)
    expect(key).toHaveLength(before.length)
  }
}

let runs = 0
/** Instances of their own for each run: what is recorded of them lies in one journal. */
const nextInstances = (most: number): readonly InstanceId[] => {
  runs += 1
  const mark = runs.toString(16).padStart(6, '0')
  return Array.from({ length: most }, (_, index) =>
    InstanceId.parse(`i-${mark}${index.toString(16).padStart(2, '0')}`),
  )
}

/** Says what is drawn, one answer after the other, in the place of these instances while it is on. */
const createLiars = (liars: readonly InstanceId[], drawn: readonly Lie[]) => {
  let told = 0
  let isOn = false
  const speak: Speaker = (id, result) => {
    const lie = drawn[told % drawn.length]
    if (!isOn || lie === undefined || !liars.includes(id)) return toLine(result)
    told += 1
    count(lie.kind)
    return lie.tell(result, id)
  }
  return { speak, set: (on: boolean) => void (isOn = on) }
}

const day = 86_400_000

/** Each run is of many answers: to shrink them all takes minutes, and the seed repeats the run. */
const unshrunk = { endOnFailure: true }

describe('whatever instances answer', () => {
  it('the others and every app go on and are rolled back, and so are they once they are honest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(3), storyOf(40), async (canary, drawn) => {
        // The first instance of an app gets a release alone: mostly an honest one.
        const ids = nextInstances(12)
        const honest = canary === 0 ? ids.slice(-2) : ids.slice(0, 2)
        const liars = createLiars(
          ids.filter((id) => !honest.includes(id)),
          drawn,
        )
        const [, mark = ''] = /^i-(.{6})/.exec(ids[0] ?? '') ?? []
        const both = [ids, [...honest, ...ids.slice(4, 6)]]
        const apps = both.map((some, index) => ({
          some,
          ...openApp(`shop-${mark}-${index}`, some, liars.speak),
        }))
        const [shop] = apps
        if (shop === undefined) throw new Error('no app')
        for (const { deploy, expectLive, some, world } of apps) {
          await deploy(1)
          await expectLive(some, 1)
          // So long that each wave begins with a `prepare`.
          world.advance(31 * day)
        }
        liars.set(true)
        await shop.deploy(2)
        await shop.expectLive(honest)
        shop.world.advance(day)
        await shop.goBack()
        await shop.expectLive(honest)
        expectRoom(await shop.loadHead())
        liars.set(false)
        await operate(shop.world, { kind: 'unfreeze' }, 'unfreeze')
        for (const { deploy, goBack, expectLive, some, world, refused } of apps) {
          world.advance(day)
          for (const index of [3, 4]) {
            await deploy(index)
            await expectLive(some, index)
          }
          await goBack()
          await expectLive(some, 3)
          expect(refused).toEqual([])
        }
        expectRoom(await shop.loadHead())
      }),
      { numRuns: inFull(60, 1), ...unshrunk },
    )
  })

  it('each record of a wave can be written and read, in its bounds, and the honest ones open its envelope', async () => {
    const history = createHistory(journal.table)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Purpose>('prepare', 'deploy', 'restore'),
        storyOf(48),
        async (purpose, drawn) => {
          const instances = nextInstances(50)
          const honest = instances.slice(0, 2)
          const liars = createLiars(instances.slice(2), drawn)
          const { ports, hosts } = openPorts(instances, liars.speak, () => new Date(start))
          const target = createEc2Target(ports, ec2())
          const prepare = orderOf({ purpose: 'prepare', instances })
          await observeAll(target, prepare)
          liars.set(true)
          const order = orderOf({ purpose, instances })
          const answers = await observeAll(target, order)
          expect(answers.slice(0, 2)).toMatchObject(
            honest.map((id) => ({ id, outcome: 'succeeded' })),
          )
          await expectRecords(history, order, answers)
          liars.set(false)
          const again = await observeAll(target, orderOf({ instances, fence: Fence.parse(20) }))
          expect(again.slice(0, 2).map(({ outcome }) => outcome)).toEqual([
            'succeeded',
            'succeeded',
          ])
          expect(hosts.refused).toEqual([])
        },
      ),
      { numRuns: inFull(200, 2), ...unshrunk },
    )
  })

  it('plan says of the others what it says without them, in texts that steer no terminal', async () => {
    const ids = nextInstances(30)
    const [honest] = ids
    if (honest === undefined) throw new Error('no instance')
    const look = async (fleet: readonly InstanceId[], outputOf: (id: InstanceId) => string) => {
      const { ports } = createEc2Ports({ fleet: fleet.map((id) => machine(1, { id })) })
      const invocations = fleet.map((instance) =>
        invocationOf(1, { instance, output: outputOf(instance).slice(0, 2500) }),
      )
      const view = createEc2View(
        {
          ...ports,
          commands: {
            send: async () => succeed('command-1'),
            invocations: async () => invocations,
          },
          stage: { ...ports.stage, planDocument: 'landfall-test-plan-00000000' },
          findSize: async () => ({ kind: 'unknown' }),
          sleep: async () => {},
        },
        ec2(),
      )
      const looked = await view.look({ app: lettings, target: 0, commit: null, digest: null })
      const opened = fleet.map((id, wave) => ({ id, wave }))
      return looked.plan({ opened, predeployOn: null, live: null, before: null })
    }
    const alone = await look([honest], () => toOutput(hostPlanOf()))
    await fc.assert(
      fc.asyncProperty(fc.array(planLies, { minLength: 29, maxLength: 29 }), async (drawn) => {
        const liars = createLiars(ids.slice(1), drawn)
        liars.set(true)
        const planned = await look(ids, (id) => liars.speak(id, hostPlanOf()))
        expect(planned.findings.filter(({ instance }) => instance === honest)).toEqual(
          alone.findings,
        )
        expect(planned.instances.filter(({ id }) => id === honest)).toEqual(alone.instances)
        expect(planned.instances).toHaveLength(ids.length)
        const shown = JSON.stringify(planned)
        JSON.parse(shown, (name, value: unknown) => {
          for (const text of [name, value])
            if (typeof text === 'string') expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
          return value
        })
        // Of 1,000 such instances the answer stays below the 6 MB of a function.
        expect(Buffer.byteLength(shown)).toBeLessThan(ids.length * 6000)
      }),
      { numRuns: inFull(400, 10), ...unshrunk },
    )
  })

  it('a million more fences and numbers fit, however often and from where they are raised', () => {
    const begun = deploying().stored
    const answers = fc.array(fc.tuple(upTo(999_999_999_999), upTo(999_999_999)), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(
        fc.integer({ min: begun.version, max: 9_998_000_000 }),
        fc.integer({ min: 2, max: 98_999_999 }),
        answers,
        (version, number, claimed) => {
          let head = headAt(begun, version, number)
          for (const [fenceSeen, generation] of claimed) {
            const serving = { generation: Generation.parse(generation), digest: digestAt(9) }
            const more = { fenceSeen, serving }
            head = answerIn(head, answerOf(instanceAt(1), 'refused', 'superseded_fence', more))
            count('a fence and a number, one after the other')
          }
          expectRoom(head)
        },
      ),
      { numRuns: inFull(2000, 300), ...unshrunk },
    )
  })
})

/** As the schema of a result line lets them through. */
const upTo = (most: number) => fc.oneof(fc.constant(most), fc.integer({ min: 0, max: most }))

/** A head with its numbers so far on; the command in flight is the one of that version. */
const headAt = (head: Head, version: number, number: number): Head => {
  const { deployment } = head
  if (deployment?.phase !== 'advancing' || deployment.intent === null) throw new Error('no command')
  const [fence, generation] = [Fence.parse(version), Generation.parse(number)]
  const release = { ...deployment.release, generation }
  const intent = { ...deployment.intent, fence }
  return {
    ...head,
    version: fence,
    generation,
    deployment: { ...deployment, generation, release, intent },
  }
}

/** Takes the answer in, and sends the next command under its fence, if one follows. */
const answerIn = (head: Head, answer: Answer): Head => {
  const intent = intentOf(head)
  if (intent === null) return head
  const observations: readonly Observation[] = [
    { kind: 'answered', fence: intent.fence, answers: [answer] },
    { kind: 'polled', prepared: [instanceAt(1)], by: 'ada' },
  ]
  const next = observations.reduce((before, one) => {
    const decided = decide(before, one, start)
    return decided.ok ? evolve(before, decided.value, start) : before
  }, head)
  const following = intentOf(next)
  if (following === null) return next
  const sent = { operation: 'command-1', missing: [] } as const
  const decided = decide(next, { kind: 'sent', fence: following.fence, ...sent }, start)
  return decided.ok ? evolve(next, decided.value, start) : next
}

/** Starts the command, and reads what each instance answers. */
const observeAll = async (target: Target, order: Order): Promise<readonly Answer[]> => {
  const { operation, missing } = await target.start(order)
  if (operation === null) throw new Error(`not sent: ${missing[0]?.message}`)
  const answers = await target.observe(order, operation)
  const absent = new Map(missing.map((answer) => [answer.id, answer]))
  return answers.map((answer) => absent.get(answer.id) ?? answer)
}

/** DynamoDB takes 400 KB, and one Lambda answers with the records of a whole deployment. */
const mostRecordBytes = 64 * 1024

const expectRecords = async (
  history: ReturnType<typeof createHistory>,
  { app, fence, purpose }: Order,
  answers: readonly Answer[],
): Promise<void> => {
  const generation = Generation.parse(runs)
  const records = answers.map(({ id, outcome, reason, message, steps, tail }) => ({
    generation,
    instance: id,
    fence,
    purpose,
    at: start,
    outcome,
    reason,
    message,
    steps,
    tail,
  }))
  await history.recordSteps(app, records)
  const read = await history.loadSteps(app, generation)
  expect(new Map(read.map((one) => [one.instance, one]))).toEqual(
    new Map(records.map((one) => [one.instance, one])),
  )
  for (const { message, steps, tail } of read) {
    const texts = [message ?? '', ...steps.map(({ name }) => name), ...tail]
    for (const text of texts) expect(text).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(Buffer.byteLength(JSON.stringify(texts))).toBeLessThan(mostRecordBytes)
  }
}
