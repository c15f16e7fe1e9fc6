import type { RenderSettings } from '../../deployment/app.ts'
import { hasLogin } from '../../registry/login.ts'
import type { Answer } from '../../deployment/step.ts'
import type { Reason } from '../../kernel/reason.ts'
import { succeed } from '../../kernel/result.ts'
import { answerAs, loseOrRetry } from '../answers.ts'
import type { Order } from '../target.ts'
import { answerFailed, answerSucceeded } from './answer.ts'
import type { AskRender, FromRender, RenderPorts } from './api.ts'
import {
  findOwn,
  isDeployOver,
  listDeploys,
  parseSearch,
  readDeploy,
  readDigest,
  toSearch,
  unchanged,
  type Deploy,
} from './deploys.ts'
import { findChanges } from './variables.ts'

interface FoundDeploy {
  /** Null while Render does not list it yet. */
  readonly deploy: Deploy | null
  /** A later deploy that is not Landfall's, if there is one. */
  readonly stranger: Deploy | null
}

/** The deploy of an operation, or a later one of the same order. */
const find = async (ask: AskRender, order: Order, operation: string): FromRender<FoundDeploy> => {
  const search = parseSearch(operation)
  const read = search === null ? await readDeploy(ask, operation) : null
  if (read?.ok === false) return read
  // Either the same order began a second deploy, or a deploy that is not Landfall's replaced it.
  if (read !== null && !['canceled', 'deactivated'].includes(read.value.status))
    return succeed({ deploy: read.value, stranger: null })
  const listed = await listDeploys(ask)
  if (!listed.ok) return listed
  const deploy = findOwn(listed.value, search ?? toSearch(order)) ?? read?.value ?? null
  const later = listed.value.filter(
    ({ id, createdAt }) => deploy !== null && id !== deploy.id && createdAt >= deploy.createdAt,
  )
  return succeed({ deploy, stranger: later.at(-1) ?? null })
}

const whereToLook = ({ instances }: Order, { id }: Deploy): string =>
  `see its log at https://dashboard.render.com/web/${instances[0] ?? ''}/deploys/${id}`

/** What Render tells of a deploy that failed; a status that is not listed may still come up. */
const deployFailures: Readonly<Record<string, readonly [reason: Reason, what: string]>> = {
  build_failed: ['pull_failed', 'Render could not pull the image'],
  update_failed: [
    'unhealthy',
    'it did not start or its health check did not pass, and the previous release serves',
  ],
  pre_deploy_failed: ['predeploy_failed', "the service's pre-deploy command failed"],
}

const judgeFailure = (order: Order, deploy: Deploy): readonly Answer[] | null => {
  const { status, image } = deploy
  const isPullUnauthorized =
    status === 'build_failed' &&
    order.release !== null &&
    hasLogin(order.release.settings) &&
    (image?.registryCredential === undefined || image.registryCredential === null)
  if (isPullUnauthorized) {
    const message =
      'Render could not pull the image, and the service has no registry credential: a private image needs one at Render too (Settings, Image, Credential)'
    return answerFailed(order, deploy, 'registry_unauthorized', message)
  }
  const [reason, what] = deployFailures[status] ?? []
  if (reason === undefined || what === undefined) return null
  return answerFailed(order, deploy, reason, `${what} (${status}); ${whereToLook(order, deploy)}`)
}

const judgeStranger = (order: Order, deploy: Deploy, stranger: Deploy | null) => {
  const what = deploy.status === 'canceled' ? 'was cancelled' : 'was replaced'
  const message =
    stranger === null
      ? `${deploy.id} ${what} at Render, not by Landfall`
      : `${deploy.id} ${what} at Render: ${stranger.id} was started after it (${stranger.trigger ?? 'unknown trigger'})`
  return answerFailed(order, deploy, 'changed_elsewhere', message)
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
  const { release, purpose } = order
  if (!(await isOrdered(ports, order, deploy))) {
    const message = `Render runs ${deploy.image?.sha ?? 'no digest'}, ordered was ${release?.digest}`
    return answerFailed(order, deploy, 'digest_mismatch', message)
  }
  if (release === null || settings.env !== 'sync' || purpose !== 'deploy')
    return answerSucceeded(order, deploy)
  const found = await findChanges(ports.readSecret, ask, release.settings, release.secretVersion)
  const others = (found.ok ? found.value?.others : null) ?? []
  const message =
    others.length === 0
      ? null
      : `left alone at Render, and not in landfall.yml: ${others.join(', ')}`
  return answerSucceeded(order, deploy, message)
}

/** After the order's time, Render's last status is the reason that a person can use. */
const judgeUnended = (ports: RenderPorts, order: Order, deploy: Deploy | null) => {
  if (ports.clock().getTime() < Date.parse(order.notAfter)) return answerAs(order, 'waiting')
  const said =
    deploy === null
      ? 'the deploy still waits at Render for another one'
      : `Render still says ${deploy.status}; ${whereToLook(order, deploy)}`
  return answerAs(order, 'lost', 'no_answer', said)
}

/** The answers to an order so far. An unknown status is waited for. */
export const observeDeploy = async (
  ports: RenderPorts,
  settings: RenderSettings,
  order: Order,
  operation: string,
): Promise<readonly Answer[]> => {
  if (operation === unchanged) return answerSucceeded(order, null)
  const ask = ports.open(settings, 10_000)
  const found = await find(ask, order, operation)
  if (!found.ok) return loseOrRetry(order, found.error, ports.clock)
  const { deploy, stranger } = found.value
  if (deploy === null || !isDeployOver(deploy)) return judgeUnended(ports, order, deploy)
  if (deploy.status === 'live') return judgeLive(ports, settings, ask, order, deploy)
  return judgeFailure(order, deploy) ?? judgeStranger(order, deploy, stranger)
}
