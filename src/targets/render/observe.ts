import type { RenderSettings } from '../../deployment/app.ts'
import type { Answer } from '../../deployment/step.ts'
import type { Reason } from '../../kernel/reason.ts'
import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { succeed, type Result } from '../../kernel/result.ts'
import { readAppEnvironment } from '../../secrets/app-secret.ts'
import type { Order } from '../target.ts'
import { answerAs, answerFailed, answerSucceeded, loseOrRetry } from './answer.ts'
import type { AskRender, RenderFailure } from './api.ts'
import {
  readDigest,
  findOwn,
  isDeployOver,
  listDeploys,
  parseSearch,
  readDeploy,
  unchanged,
  type Deploy,
  type Wanted,
} from './deploys.ts'
import type { RenderPorts } from './ports.ts'
import { compareVariables, listVariables } from './variables.ts'

const observeMilliseconds = 10_000

/** What an order deploys; without a release it brings back what Render had before. */
export const toWanted = ({ release }: Order): Wanted => release?.digest ?? 'rollback'

interface FoundDeploy {
  /** Null while Render lists it not yet. */
  readonly deploy: Deploy | null
  /** The one that was begun after it by somebody else, if it was looked for. */
  readonly stranger: Deploy | null
}

/** It no longer is what runs: either ours was begun twice, or somebody else's took its place. */
const isReplaced = ({ status }: Deploy): boolean =>
  status === 'canceled' || status === 'deactivated'

/** The deploy that an operation stands for, or a later one that was begun under the same order. */
const find = async (
  ask: AskRender,
  order: Order,
  operation: string,
): Promise<Result<FoundDeploy, RenderFailure>> => {
  const search = parseSearch(operation)
  const read = search === null ? await readDeploy(ask, operation) : null
  if (read?.ok === false) return read
  if (read !== null && !isReplaced(read.value))
    return succeed({ deploy: read.value, stranger: null })
  const listed = await listDeploys(ask)
  if (!listed.ok) return listed
  const own = findOwn(listed.value, search ?? { wanted: toWanted(order), since: order.since })
  const deploy = own ?? read?.value ?? null
  const later = listed.value.filter(
    ({ id, createdAt }) => deploy !== null && id !== deploy.id && createdAt >= deploy.createdAt,
  )
  return succeed({ deploy, stranger: later.at(-1) ?? null })
}

const whereToLook = (order: Order, { id }: Deploy): string =>
  `see its log at https://dashboard.render.com/web/${order.instances[0] ?? ''}/deploys/${id}`

/** What Render says of a deploy that did not come up; what is not listed may still come up. */
const deployFailures: Readonly<Record<string, readonly [reason: Reason, what: string]>> = {
  build_failed: ['pull_failed', 'Render could not pull the image'],
  update_failed: [
    'unhealthy',
    'it did not start or its health check did not pass, and the one before serves',
  ],
  pre_deploy_failed: ['predeploy_failed', "the service's pre-deploy command failed"],
}

const isPullUnauthorized = (order: Order, { status, image }: Deploy): boolean =>
  status === 'build_failed' &&
  typeof order.release?.settings.registry === 'string' &&
  (image?.registryCredential === undefined || image.registryCredential === null)

const judgeFailure = (order: Order, deploy: Deploy): readonly Answer[] | null => {
  if (isPullUnauthorized(order, deploy))
    return answerFailed(
      order,
      deploy,
      'registry_unauthorized',
      'Render could not pull the image, and the service has no registry credential: a private image needs one at Render too (Settings, Image, Credential)',
    )
  const [reason, what] = deployFailures[deploy.status] ?? []
  return reason === undefined || what === undefined
    ? null
    : answerFailed(
        order,
        deploy,
        reason,
        `${what} (${deploy.status}); ${whereToLook(order, deploy)}`,
      )
}

const describeStranger = (deploy: Deploy, stranger: Deploy | null): string => {
  const what = deploy.status === 'canceled' ? 'was cancelled' : 'was replaced'
  return stranger === null
    ? `${deploy.id} ${what} at Render by somebody else`
    : `${deploy.id} ${what} at Render: ${stranger.id} was begun after it (${stranger.trigger ?? 'by whom is not told'})`
}

/** Names what Render has besides; where that cannot be asked now, it goes unsaid. */
const nameOthers = async (
  { readSecret }: RenderPorts,
  ask: AskRender,
  { release }: Order,
): Promise<string | null> => {
  if (release === null) return null
  const { settings, secretVersion } = release
  const environment = await readAppEnvironment(readSecret, settings, secretVersion).catch(
    unlessRetryable,
  )
  if (environment instanceof Retryable || !environment.ok) return null
  const there = await listVariables(ask)
  if (!there.ok) return null
  const { others } = compareVariables(there.value, environment.value)
  return others.length === 0
    ? null
    : `left alone at Render, and not in landfall.yml: ${others.join(', ')}`
}

const isOrdered = async (ports: RenderPorts, { release }: Order, deploy: Deploy) => {
  if (release === null) return true
  const sha = deploy.image?.sha ?? readDigest(deploy)
  return (
    sha === release.digest || (sha !== null && (await ports.listPlatforms(release)).includes(sha))
  )
}

const judgeLive = async (
  ports: RenderPorts,
  settings: RenderSettings,
  ask: AskRender,
  order: Order,
  deploy: Deploy,
): Promise<readonly Answer[]> => {
  if (!(await isOrdered(ports, order, deploy)))
    return answerFailed(
      order,
      deploy,
      'digest_mismatch',
      `Render runs ${deploy.image?.sha ?? 'no digest'}, ordered was ${order.release?.digest}`,
    )
  const others =
    settings.env === 'sync' && order.purpose === 'deploy'
      ? await nameOthers(ports, ask, order)
      : null
  return answerSucceeded(order, deploy, others)
}

/** Past its time, what Render said last is the reason that a person can use. */
const judgeUnended = (ports: RenderPorts, order: Order, deploy: Deploy | null) => {
  if (ports.clock().getTime() < Date.parse(order.notAfter)) return answerAs(order, 'waiting')
  const said =
    deploy === null
      ? 'Render still has the deploy waiting for another'
      : `Render still says ${deploy.status}; ${whereToLook(order, deploy)}`
  return answerAs(order, 'lost', 'no_answer', said)
}

/** What has become of a deploy. A status that nobody knows is one to wait at. */
export const observeDeploy = async (
  ports: RenderPorts,
  settings: RenderSettings,
  order: Order,
  operation: string,
): Promise<readonly Answer[]> => {
  if (operation === unchanged) return answerSucceeded(order, null)
  const ask = ports.open(settings, observeMilliseconds)
  const found = await find(ask, order, operation)
  if (!found.ok) return loseOrRetry(order, found.error, ports.clock)
  const { deploy, stranger } = found.value
  if (deploy === null || !isDeployOver(deploy)) return judgeUnended(ports, order, deploy)
  if (deploy.status === 'live') return judgeLive(ports, settings, ask, order, deploy)
  return (
    judgeFailure(order, deploy) ??
    answerFailed(order, deploy, 'changed_elsewhere', describeStranger(deploy, stranger))
  )
}
