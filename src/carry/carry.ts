import { addSeconds, type Clock, type Every } from '../kernel/clock.ts'
import type { Http, HttpFailure, HttpRequest, OpenHttp } from '../kernel/http.ts'
import type { Digest } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { ReadSecret } from '../secrets/app-secret.ts'
import type { CarryOrder, CarryProgress } from '../targets/carry.ts'
import { openDestination, type ImageDestination } from './destination.ts'
import type { CarryFailure } from './failure.ts'
import type { ReadLogin } from '../registry/login.ts'
import { readHerokuLogin, readSourceLogin } from './logins.ts'
import { readImageId } from './manifest.ts'
import { moveBlob } from './move-blob.ts'
import { checkSize, planCarry, type Piece, type Shipment } from './plan.ts'
import { readImage } from './read-image.ts'
import { openImageSource, type ImageSource } from './source.ts'
import { createCarryWatch, type CarryRecords, type CarryWatch } from './watch.ts'

export interface CarryPorts {
  readonly http: Http
  readonly openHttp: OpenHttp
  readonly readSecret: ReadSecret
  readonly readLogin: ReadLogin
  readonly records: CarryRecords
  /** Heroku's registry: `https://registry.heroku.com`. */
  readonly registry: URL
  readonly clock: Clock
  /** Names one run. */
  readonly newRun: () => string
  readonly log: Log
  /** Of all blobs of an image. */
  readonly maxImageBytes: number
  readonly every: Every
  /** A run ends by itself in this time. */
  readonly runMilliseconds: number
}

/** For a question; a blob on its way has the whole of the run's time. */
const askMilliseconds = 20_000
const blobsAtOnce = 2
/** Far within `carryStaleSeconds`, after which a run counts as dead. */
const noteMilliseconds = 10_000
/** Between two runs, where no service says how long to wait. */
const carryGapSeconds = 15

/** Limits each request to the time that the run has left. */
const limitToRun = ({ http, openHttp }: CarryPorts, leftMilliseconds: () => number) => {
  const limit =
    <Answer>(send: (request: HttpRequest) => Promise<Result<Answer, HttpFailure>>, most: number) =>
    async (request: HttpRequest): Promise<Result<Answer, HttpFailure>> => {
      const timeoutMilliseconds = Math.min(leftMilliseconds(), most)
      return timeoutMilliseconds > 0
        ? send({ ...request, timeoutMilliseconds })
        : fail({ kind: 'timeout', host: request.url.host })
    }
  const ask = limit(http, askMilliseconds)
  const send = limit(http, Infinity)
  const ways: Pick<CarryPorts, 'http' | 'openHttp'> = {
    http: (request) => (request.upload === undefined ? ask : send)(request),
    openHttp: limit(openHttp, Infinity),
  }
  return ways
}

/** Two at a time, in order. After a failure the other one is brought to its end, and none is begun. */
const moveAll = async (
  pieces: readonly Piece[],
  move: (piece: Piece) => Promise<CarryFailure | null>,
): Promise<CarryFailure | null> => {
  const queue = [...pieces]
  const failures: CarryFailure[] = []
  const work = async (): Promise<void> => {
    while (failures.length === 0) {
      const piece = queue.shift()
      if (piece === undefined) return
      const failure = await move(piece)
      if (failure !== null) failures.push(failure)
    }
  }
  await Promise.all(Array.from({ length: blobsAtOnce }, work))
  return failures.find(({ kind }) => kind === 'refused') ?? failures[0] ?? null
}

/** Makes one repository have the image. Where it has it under `latest`, nothing is asked beyond that. */
const ship = async (
  source: ImageSource,
  destination: ImageDestination,
  { pieces, manifest, imageId }: Shipment,
  watch: CarryWatch,
): Promise<Result<null, CarryFailure>> => {
  const latest = await destination.readLatest()
  if (!latest.ok) return latest
  if (latest.value !== null && readImageId(latest.value) === imageId) {
    watch.addThere(pieces.length)
    return succeed(null)
  }
  const failure = await moveAll(pieces, async (piece) => {
    const moved = await moveBlob(source, destination, piece, watch.addBytes)
    if (!moved.ok) return moved.error
    watch.addThere(1)
    return null
  })
  return failure === null ? destination.putLatest(manifest) : fail(failure)
}

type Carried = Result<{ readonly image: Digest; readonly release: Digest | null }, CarryFailure>

const carryImage = async (
  ports: CarryPorts,
  order: CarryOrder,
  ways: Pick<CarryPorts, 'http' | 'openHttp'>,
  watch: CarryWatch,
): Promise<Carried> => {
  const { readSecret, readLogin, registry, clock, maxImageBytes } = ports
  const sourceLogin = await readSourceLogin(readLogin, order)
  if (!sourceLogin.ok) return sourceLogin
  const login = await readHerokuLogin(readSecret, order)
  if (!login.ok) return login
  const source = openImageSource(ways.http, ways.openHttp, order, sourceLogin.value)
  const found = await readImage(source, order.digest)
  if (!found.ok) return found
  const size = checkSize(found.value, maxImageBytes)
  if (!size.ok) return size
  const configuration = await source.readConfiguration(found.value.config)
  if (!configuration.ok) return configuration
  const planned = planCarry(order, found.value, configuration.value)
  if (!planned.ok) return planned
  watch.addBlobs(planned.value.reduce((sum, { pieces }) => sum + pieces.length, 0))
  for (const shipment of planned.value) {
    const { repository } = shipment
    const destination = openDestination(ways.http, registry, repository, login.value, clock)
    const shipped = await ship(source, destination, shipment, watch)
    if (!shipped.ok) return shipped
  }
  const [image, release] = planned.value
  return succeed({ image: image.imageId, release: release?.imageId ?? null })
}

const toProgress = (carried: Carried, watch: CarryWatch, isTimeOver: boolean): CarryProgress => {
  const counts = watch.count()
  if (carried.ok) return { status: 'carried', ...counts, ...carried.value }
  const { error } = carried
  if (error.kind === 'refused')
    return { status: 'refused', ...counts, reason: error.reason, message: error.why }
  const waitSeconds = error.afterSeconds ?? (isTimeOver ? 0 : carryGapSeconds)
  return {
    status: 'unfinished',
    ...counts,
    reason: isTimeOver ? null : error.reason,
    message: isTimeOver ? 'the time of one run was over' : error.why,
    notBefore: addSeconds(counts.at, waitSeconds),
  }
}

/**
 * Brings an image into Heroku's registry, as much of it as one run has the time for, and answers what has
 * become of it. What Heroku has is never sent again, so a run that was killed is begun anew and goes on.
 */
export const createCarry =
  (ports: CarryPorts) =>
  async (order: CarryOrder): Promise<CarryProgress> => {
    const { clock, records, log } = ports
    const run = ports.newRun()
    const until = clock().getTime() + ports.runMilliseconds
    const watch = createCarryWatch(clock, (progress) => records.record(order, run, progress))
    // Nothing more is asked by a run that another one has replaced.
    const leftMilliseconds = () => (watch.isReplaced() ? 0 : until - clock().getTime())
    const begun: CarryProgress = { status: 'carrying', ...watch.count() }
    if (!(await records.claim(order, run, begun))) return (await records.load(order)) ?? begun
    const { app, heroku, process, digest } = order
    const fields = { app, heroku, process, digest }
    let noting = Promise.resolve()
    const stop = ports.every(noteMilliseconds, () => {
      noting = noting.then(watch.note).catch((error: unknown) => {
        log.warn('failed to note carry', { ...fields, error: String(error) })
      })
    })
    const ways = limitToRun(ports, leftMilliseconds)
    const carried = await carryImage(ports, order, ways, watch).finally(stop)
    // A late one would replace the end.
    await noting
    const progress = toProgress(carried, watch, leftMilliseconds() <= 0)
    const isOwn = !watch.isReplaced() && (await records.record(order, run, progress))
    log.info(isOwn ? 'carry ended' : 'carry replaced', { ...fields, progress })
    return progress
  }
