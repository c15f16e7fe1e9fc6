import type { App, Promotion } from '../deployment/app.ts'
import { liveRelease, type Promoted } from '../deployment/head.ts'
import { isQuarantined } from '../deployment/quarantine.ts'
import type { AppName, Digest, RevisionId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { isSameRepository } from '../registry/image.ts'
import type { Heads } from './journal.ts'

type LoadHead = Pick<Heads, 'load'>

/** Why a redeploy is refused. */
export interface RedeployRefusal {
  readonly reason: Reason
  /** For people, where the reason alone does not say which app is meant. */
  readonly detail?: string
}

/** What a request deploys; `promoted` is null for this app's own image. */
export interface WantedRelease {
  readonly revision: RevisionId
  readonly promoted: Promoted | null
}

/**
 * The live release of another app, to be brought out on this one: the same image, which is not being rolled
 * back there. What this app requires is not asked for: that the release is live there stands for it.
 */
export const findPromotion = async (
  heads: LoadHead,
  app: App,
  from: AppName,
  force: boolean,
): Promise<Result<WantedRelease, RedeployRefusal>> => {
  const head = await heads.load(from)
  const live = liveRelease(head)
  if (live === null) return fail({ reason: 'nothing_live', detail: `The app is ${from}.` })
  const { generation, revision, commit, digest, settings } = live
  if (!isSameRepository(settings.image, app.image)) {
    const detail = `${from} runs ${settings.image}, and ${app.name} is of ${app.image}.`
    return fail({ reason: 'image_differs', detail })
  }
  if (!force && isQuarantined(head, live))
    return fail({ reason: 'quarantined', detail: `It is quarantined on ${from}.` })
  return succeed({ revision, promoted: { app: from, generation, commit, digest } })
}

/** The other apps from which this digest can be promoted. */
export const listLiveOn = async (
  heads: LoadHead,
  apps: readonly App[],
  app: App,
  digest: Digest | null,
): Promise<readonly Promotion[]> => {
  if (digest === null) return []
  const others = apps.filter(({ name }) => name !== app.name)
  const found = await Promise.all(others.map(({ name }) => findPromotion(heads, app, name, false)))
  return found.flatMap((one) => {
    const promoted = one.ok ? one.value.promoted : null
    return promoted?.digest === digest
      ? [{ app: promoted.app, generation: promoted.generation }]
      : []
  })
}

/** The call that brings a waiting revision out: the very digest where it is live elsewhere already. */
export const renderRedeploy = (
  stage: string,
  app: AppName,
  revision: RevisionId,
  [first]: readonly Promotion[],
): string => {
  const input = first === undefined ? { app, revision } : { app, from: first.app }
  return `npx sls invoke -f redeploy --stage ${stage} -d '${JSON.stringify(input)}'`
}
