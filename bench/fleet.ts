import { setTimeout as sleep } from 'node:timers/promises'
import { planWaves } from '../src/deployment/wave.ts'
import { createKeyRing } from '../test/support/instance-key.ts'
import { countOf, sumOf, type Calls } from './fleet-calls.ts'
import { printCalls, type CallRow } from './fleet-table.ts'
import { createCertificates } from './fleet-hosts.ts'
import {
  inLargeWaves,
  inSmallWaves,
  nameApps,
  packageApps,
  smallBatch,
  startFleetWorld,
  startTagServer,
  type FleetSettings,
  type FleetWorld,
} from './fleet-world.ts'
import { print, type Figure } from './report.ts'

const fleetSizes = [1, 10, 50, 200]
const appCounts = [1, 20]
const longWaveSeconds = 20

/** Of one app alone: what grows with its instances, and what must not. */
const loneSizes = [50, 1000]
const allSizes = [...new Set([...fleetSizes, ...loneSizes])]
/** A call more an instance is a loop over the others. */
const mostGrowth = 1.25
const mostHeadBytes = 40 * 1024
const betweenSamples = 250

type Batch = Parameters<typeof planWaves>[1]
const large: Batch = { kind: 'percent', value: 100 }
const small: Batch = { kind: 'count', value: smallBatch }

const countWaves = (instances: number, batch: Batch): number =>
  new Set(planWaves(instances, batch, instances)).size

interface Idle {
  readonly apps: number
  readonly instances: number
  readonly minute: Calls
  readonly hour: Calls
}

interface Deployed extends CallRow {
  readonly instances: number
  readonly waves: number
  /** Whether each wave begins with a `prepare`, because no instance has said its certificate yet. */
  readonly isFirst: boolean
}

/** A settled stage: once the roll has been called, a minute is like the other. */
const measureIdle = async (world: FleetWorld, apps: number, instances: number): Promise<Idle> => {
  await world.tick()
  await world.tick()
  const minute = await world.tick()
  await world.age()
  return { apps, instances, minute, hour: await world.tick() }
}

const measureDeployments = async (world: FleetWorld, instances: number) => {
  const [inLarge, inSmall] = [countWaves(instances, large), countWaves(instances, small)]
  const first = await world.deploy(inLargeWaves, 'first')
  const next = await world.deploy(inLargeWaves, 'next')
  const rows = [
    { what: 'the first', waves: inLarge, isFirst: true, calls: first.deployment },
    { what: 'batch: 100%', waves: inLarge, isFirst: false, calls: next.deployment },
  ]
  if (inSmall !== inLarge) {
    const { deployment: calls } = await world.deploy(inSmallWaves, 'first')
    rows.push({ what: `batch: ${smallBatch}`, waves: inSmall, isFirst: false, calls })
  } else await world.deploy(inSmallWaves, 'first')
  const deployed: readonly Deployed[] = rows.map(({ what, waves, ...row }) => ({
    ...row,
    instances,
    waves,
    what: `${instances} instances, ${waves} waves: ${what}`,
  }))
  return { deployed, webhook: next.webhook }
}

const measureLongWave = async (world: FleetWorld): Promise<CallRow> => {
  const { times } = world.standIns
  // 2 s of `hosts.ts`, so many times.
  world.standIns.times = longWaveSeconds / 2
  const { deployment: calls } = await world.deploy(inLargeWaves, 'slow')
  world.standIns.times = times
  return { what: `1 instance that takes ${longWaveSeconds} s`, calls }
}

interface Lone extends Deployed {
  /** The largest that was met, looking again and again. */
  readonly headBytes: number
}

/** The head is looked at in the first deployment, and the calls are counted in the one after it. */
const measureLone = async (world: FleetWorld, instances: number): Promise<Lone> => {
  const over = new AbortController()
  let headBytes = 0
  const look = async (): Promise<void> => {
    while (!over.signal.aborted) {
      headBytes = Math.max(headBytes, await world.readHeadBytes(inLargeWaves))
      await sleep(betweenSamples)
    }
  }
  const looking = look()
  await world.deploy(inLargeWaves, 'watched').finally(() => over.abort())
  await looking
  const { deployment: calls } = await world.deploy(inLargeWaves, 'counted')
  const waves = countWaves(instances, large)
  const what = `${instances} instances of one app, ${waves} waves`
  return { what, calls, instances, waves, isFirst: false, headBytes }
}

const toLoneFigures = (lone: readonly Lone[]): readonly Figure[] => {
  const perInstance = lone.map(({ calls, instances }) => sumOf(calls) / instances)
  const [few = 0, many = Infinity] = perInstance
  const largest = Math.max(...lone.map(({ headBytes }) => headBytes))
  return [
    ...lone.map(toSendFigure),
    {
      what: `calls an instance, ${loneSizes.join(' → ')} instances`,
      measured: perInstance.map((one) => one.toFixed(1)).join(' → '),
      bar: `≤ ${mostGrowth} × the first`,
      isKept: many <= mostGrowth * few,
      isClaim: true,
    },
    {
      what: `largest head, ${loneSizes.at(-1)} instances`,
      measured: `${(largest / 1024).toFixed(1)} KB`,
      bar: `≤ ${mostHeadBytes / 1024} KB`,
      isKept: largest <= mostHeadBytes,
      isClaim: true,
    },
  ]
}

const toIdleFigure = (instances: number, idle: readonly Idle[]): Figure => {
  const [few, many] = appCounts.map((count) =>
    idle.find((one) => one.apps === count && one.instances === instances),
  )
  if (few === undefined || many === undefined) throw new Error('a stage was not measured')
  const names = [...new Set([...few.minute.keys(), ...many.minute.keys()])]
  return {
    what: `idle minute, ${instances} instances, ${few.apps} → ${many.apps} apps`,
    measured: `${sumOf(few.minute)} → ${sumOf(many.minute)} calls`,
    bar: 'the same of each API',
    isKept: names.every((name) => countOf(few.minute, name) === countOf(many.minute, name)),
    isClaim: true,
  }
}

const toSendFigure = ({ what, waves, isFirst, calls }: Deployed): Figure => {
  const sent = countOf(calls, 'ssm:SendCommand')
  const most = isFirst ? 2 * waves : waves
  return {
    what,
    measured: `${sent} SendCommand, ${sumOf(calls)} calls`,
    bar: `≤ ${most} SendCommand`,
    isKept: sent <= most,
    isClaim: true,
  }
}

const toGrowth = (deployed: readonly Deployed[], idle: readonly Idle[]): readonly Figure[] => [
  ...fleetSizes.map((instances) => toIdleFigure(instances, idle)),
  ...deployed.map(toSendFigure),
]

const printTables = (
  idle: readonly Idle[],
  deployed: readonly Deployed[],
  others: readonly CallRow[],
): void => {
  const toRow = ({ apps, instances }: Idle, calls: Calls) => ({
    what: `${instances} instances, ${apps} apps`,
    calls,
  })
  printCalls(
    'one idle minute',
    idle.map((one) => toRow(one, one.minute)),
  )
  printCalls(
    'the minute of the hour in which everybody is asked what runs',
    idle.map((one) => toRow(one, one.hour)),
  )
  printCalls('one deployment', deployed)
  printCalls('beside it', others)
}

/** Calls of each AWS API, through the packaged functions, of a fleet whose instances have no Docker. */
export const measureFleet = async (directory: string): Promise<readonly Figure[]> => {
  const keys = createKeyRing()
  const tags = await startTagServer()
  const certificateOf = createCertificates(keys)
  const idle: Idle[] = []
  const deployed: Deployed[] = []
  const others: CallRow[] = []
  const lone: Lone[] = []
  const withWorld = async (
    settings: Omit<FleetSettings, 'directory' | 'certificateOf'>,
    act: (world: FleetWorld) => Promise<void>,
  ): Promise<void> => {
    print(`fleet: instances ${settings.instances}, apps ${settings.apps.length}`)
    const world = await startFleetWorld({ ...settings, directory, certificateOf })
    try {
      await act(world)
    } finally {
      await world.stop()
    }
  }
  const measureAlone = async (world: FleetWorld, instances: number): Promise<void> => {
    if (loneSizes.includes(instances)) lone.push(await measureLone(world, instances))
    if (!fleetSizes.includes(instances)) return
    await world.deploy(inLargeWaves, 'first')
    idle.push(await measureIdle(world, 1, instances))
    if (instances === 1) others.push(await measureLongWave(world))
  }
  const measureMany = async (
    world: FleetWorld,
    apps: readonly string[],
    instances: number,
  ): Promise<void> => {
    const measured = await measureDeployments(world, instances)
    deployed.push(...measured.deployed)
    if (instances === 1) others.push({ what: 'a webhook, recorded', calls: measured.webhook })
    await world.deployTogether(apps.slice(2), 'first')
    idle.push(await measureIdle(world, apps.length, instances))
  }
  try {
    for (const count of appCounts) {
      const apps = nameApps(count)
      const service = await packageApps(directory, tags.address, apps)
      for (const instances of count === 1 ? allSizes : fleetSizes)
        await withWorld({ service, apps, instances }, (world) =>
          count === 1 ? measureAlone(world, instances) : measureMany(world, apps, instances),
        )
    }
  } finally {
    tags.stop()
    keys.remove()
    // Also what was measured before something broke.
    printTables(idle, [...lone, ...deployed], others)
  }
  return [...toLoneFigures(lone), ...toGrowth(deployed, idle)]
}
