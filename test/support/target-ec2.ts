import type { ProxyImage } from '../../src/deployment/proxy.ts'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EC2Client } from '@aws-sdk/client-ec2'
import { SSMClient } from '@aws-sdk/client-ssm'
import { buildDocument } from '../../host/documents.ts'
import type { ApiCall, CallFault } from '../../local/aws/index.ts'
import { docker } from '../../local/docker/docker.ts'
import { ensureEngine } from '../../local/docker/engine.ts'
import { ensureBaseImage, publishAppImage, type Behaviour } from '../../local/docker/images.ts'
import { publishProxyImage } from '../../local/docker/pin-proxy.ts'
import { startRegistry } from '../../local/docker/registry.ts'
import { freePort } from '../../local/docker/free-port.ts'
import { cleanUp } from '../../local/team/clean-up.ts'
import { createFleet } from '../../src/aws/fleet.ts'
import { createCommands } from '../../src/aws/ssm-commands.ts'
import type { Ec2Settings } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { addSeconds, systemClock, toInstant } from '../../src/kernel/clock.ts'
import { Digest, Fence, Generation, InstanceId } from '../../src/kernel/id.ts'
import { createLog } from '../../src/kernel/log.ts'
import { succeed } from '../../src/kernel/result.ts'
import { parseReference } from '../../src/registry/image.ts'
import { createEc2Target } from '../../src/targets/ec2/ec2.ts'
import {
  createMaskOutput,
  createMeasureEnvelope,
  createSealEnvelope,
} from '../../src/targets/ec2/seal.ts'
import type { Order, Target } from '../../src/targets/target.ts'
import { appOf } from './apps.ts'
import { account, startTestAws, waitUntil, type TestAws } from './local-aws.ts'
import { keepCertificates, orderOf, release as example } from './ec2-ports.ts'
import { ec2 } from './examples.ts'
import { isFull } from './size.ts'
import { carryOut, type Fare, type Place, type PlaceStage } from './target-place.ts'
import { failedSecret } from './failed-secret.ts'
import { readLoginOf } from './read-login.ts'

const instance = InstanceId.parse('i-00000001')
const documents = {
  prepare: buildDocument('prepare', 'local'),
  deploy: buildDocument('deploy', 'local'),
}

const behaviours: Readonly<Record<Fare, Partial<Behaviour>>> = {
  well: {},
  slow: { START_DELAY_SECONDS: '6' },
  broken: { FAULT: 'never_healthy' },
}

const createTarget = (
  { client }: TestAws,
  settings: Ec2Settings,
  proxyImage: ProxyImage,
): Target => {
  const readSecret = () => Promise.resolve(failedSecret('secret_missing'))
  return createEc2Target(
    {
      commands: createCommands((more) => new SSMClient({ ...client, ...more })),
      fleet: createFleet(
        () => new EC2Client(client),
        () => new SSMClient(client),
      ),
      certificates: keepCertificates(),
      sealEnvelope: createSealEnvelope(readSecret, readLoginOf(readSecret)),
      measureImage: () => Promise.resolve(null),
      measureEnvelope: createMeasureEnvelope(readSecret, readLoginOf(readSecret)),
      maskOutput: createMaskOutput(readSecret),
      findProxyImage: () => Promise.resolve(succeed(proxyImage)),
      stage: {
        name: 'local',
        prepareDocument: documents.prepare.name,
        deployDocument: documents.deploy.name,
        owner: `${account.id}/${account.region}/local`,
        proxyImage: proxyImage.image,
        subnet: '172.30.77.0/24',
      },
      clock: systemClock,
      log: createLog(),
    },
    settings,
  )
}

const settingsOf = (port: number, replaces: string | null): Ec2Settings => {
  const { run, health } = ec2()
  return ec2({
    publish: { address: '127.0.0.1', port },
    hosts: [],
    replaces,
    predeploy: null,
    holdSeconds: 5,
    drainSeconds: 5,
    run: { ...run, stopTimeoutSeconds: 5 },
    health: { ...health, path: '/healthz', host: null, intervalSeconds: 0.2, timeoutSeconds: 20 },
  })
}

const ask = async (port: number, path: string): Promise<string | null> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(3000),
  }).catch(() => null)
  return response?.ok === true ? (await response.text()).trim() : null
}

/** The names of an app's containers in the order of their creation; Docker remembers about a thousand. */
const listMade = async (app: string, since: string): Promise<readonly string[]> => {
  const filters = ['type=container', 'event=create', `label=landfall.app=${app}`]
  const period = ['--since', since, '--until', new Date().toISOString()]
  const wanted = filters.flatMap((one) => ['--filter', one])
  const format = '{{.Actor.Attributes.name}}'
  const made = await docker(['events', ...period, ...wanted, '--format', format])
  return made.split('\n').filter(Boolean)
}

/** Gives this fault to the first calls of an operation. */
const failFirst = (operation: string, times: number, fault: CallFault) => {
  let left = times
  return (call: ApiCall): CallFault | null => {
    if (call.operation !== operation || left === 0) return null
    left -= 1
    return fault
  }
}

const refuse = (code: string): CallFault => ({
  kind: 'refuse',
  code,
  message: 'not now',
  statusCode: 400,
})

interface Parts {
  readonly proxyImage: ProxyImage
  readonly aws: TestAws
  readonly app: string
  readonly port: number
  readonly image: string
  /** Pushes an image and returns its digest. */
  readonly push: (version: string, fare: Fare) => Promise<string>
}

const createPlace = ({ proxyImage, aws, app, port, image, push: publish }: Parts): Place => {
  const begun = toInstant(systemClock())
  const byHand = `${app}-by-hand`
  const now = (): string => toInstant(systemClock())
  let replaces: string | null = null
  let generation = 0
  let fence = 0
  const settings = () => appOf(app, { image, targets: [settingsOf(port, replaces)] })
  const nameOf = (release: Release): string => `landfall-${app}.${release.generation}`
  const remove = async (release: Release): Promise<void> => {
    const name = nameOf(release)
    const isThere = async () =>
      (await docker(['ps', '--quiet', '--filter', `name=^${name}$`])) !== ''
    await waitUntil(isThere, `${name} runs`)
    await docker(['rm', '--force', name])
  }
  const order = (release: Release | null, changes: Partial<Order> = {}): Order => {
    fence += 1
    return orderOf({
      app: settings().name,
      generation: Generation.parse(generation),
      fence: Fence.parse(fence),
      openedAt: now(),
      numberedAt: null,
      since: now(),
      release,
      settings: release?.settings ?? settings(),
      notAfter: addSeconds(now(), 300),
      hostSeconds: 60,
      ...changes,
    })
  }
  return {
    target: createTarget(aws, settingsOf(port, null), proxyImage),
    keepsServing: true,
    publish: async (version, fare = 'well', env = {}) => {
      const digest = Digest.parse(await publish(version, fare))
      generation += 1
      const own = { generation: Generation.parse(generation), settings: { ...settings(), env } }
      return { ...example, ...own, revision: digest, commit: null, digest }
    },
    order,
    later: (seconds) => addSeconds(now(), seconds),
    serves: () => ask(port, '/'),
    hasSetting: async (name, value) =>
      (await ask(port, `/setting?name=${name}`)) ===
      createHash('sha256').update(value).digest('hex'),
    countStarts: async (release) =>
      (await listMade(app, begun)).filter((name) => name === nameOf(release)).length,
    wait: () => sleep(300),
    ranBefore: async (version) => {
      const name = `${image}@${await publish(version, 'well')}`
      const where = `127.0.0.1:${port}:8000`
      await docker(['run', '--detach', '--name', byHand, '--publish', where, name])
      await waitUntil(async () => (await ask(port, '/')) === version, `${byHand} answers`)
      replaces = byHand
    },
    loseStart: () =>
      void (aws.faults.onCall = failFirst('SendCommand', 1, { kind: 'lose_answer' })),
    // The SDK tries three times.
    loseLook: () =>
      void (aws.faults.onCall = failFirst('ListCommandInvocations', 3, { kind: 'lose_answer' })),
    // A throttled command is sent three times at once.
    throttle: () =>
      void (aws.faults.onCall = failFirst('SendCommand', 3, refuse('ThrottlingException'))),
    lockOut: () =>
      void (aws.faults.onCall = failFirst(
        'SendCommand',
        Infinity,
        refuse('AccessDeniedException'),
      )),
    hold: async () => {
      const status = aws.fleet.get(instance)?.status
      if (status === undefined) throw new Error('no instance')
      status.online = false
      return () => Promise.resolve(void (status.online = true))
    },
    disturb: remove,
    replace: remove,
    close: async () => {
      aws.faults.onCall = () => null
      await docker(['rm', '--force', byHand]).catch(() => undefined)
      await cleanUp([app], [port])
    },
  }
}

/** The real scripts on this machine's Docker, by the real SDK through the local SSM, with a real registry. */
export const openEc2Stage = async (): Promise<PlaceStage> => {
  const { dockerHost, stop } = await ensureEngine()
  await ensureBaseImage()
  const directory = mkdtempSync(join(tmpdir(), 'landfall-target-'))
  const registry = await startRegistry({ port: 0, directory })
  const { pinned } = await publishProxyImage(registry.address)
  const { image: repository, tag } = parseReference(pinned)
  const proxyImage = {
    image: repository,
    tag,
    digest: Digest.parse(tag),
    at: toInstant(systemClock()),
  }
  const aws = await startTestAws({
    dockerHost,
    service: {
      documents: Object.values(documents).map(({ name, content }) => ({ name, text: content })),
    },
  })
  const mark = `c${process.pid.toString(36)}`
  const apps: string[] = []
  const pushed = new Map<string, string>()
  const publish = async (version: string, fare: Fare): Promise<string> => {
    const tag = `${version}-${fare}`.replaceAll(' ', '-')
    const known = pushed.get(tag)
    if (known !== undefined) return known
    const name = `${registry.address}/${mark}`
    const behaviour = { VERSION: version, ...behaviours[fare] }
    const digest = await publishAppImage({ name, tag, behaviour })
    pushed.set(tag, digest)
    return digest
  }
  const openNew = async (): Promise<Place> => {
    const app = `${mark}-${apps.length + 1}`
    apps.push(app)
    const port = await freePort()
    const image = `${registry.address}/${mark}`
    const place = createPlace({ proxyImage, aws, app, port, image, push: publish })
    await carryOut(place, place.order(null, { purpose: 'prepare' }))
    return place
  }
  let shared: Place | null = null
  /** With the proxy, and with the release that the row before left. */
  const openShared = async (): Promise<Place> => {
    shared ??= await openNew()
    return { ...shared, close: () => Promise.resolve(void (aws.faults.onCall = () => null)) }
  }
  return {
    openPlace: isFull ? openNew : openShared,
    close: async () => {
      await shared?.close()
      await cleanUp(apps, [], registry.address)
      await aws.stop()
      await registry.stop()
      await stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
