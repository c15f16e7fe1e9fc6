import type { App } from '../deployment/app.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { parseEcr, type EcrPush } from '../registry/ecr.ts'
import { parseImage } from '../registry/image.ts'
import { match, type Match } from './match.ts'
import type { EvidenceJournal } from './record.ts'

interface EcrPushPorts extends Pick<EvidenceJournal, 'recordEvidence'> {
  readonly apps: readonly App[]
  readonly clock: Clock
  readonly log: Pick<Log, 'info'>
}

const isPushOf = ({ account, region, repository }: EcrPush, { image }: App): boolean => {
  const address = parseImage(image)
  const ecr = parseEcr(address.host)
  return ecr?.account === account && ecr.region === region && address.repository === repository
}

const fromEcr = (one: Match): Match =>
  one.evidence.kind === 'image' ? { ...one, evidence: { ...one.evidence, source: 'ecr' } } : one

/** Records what a push to ECR is a hint of, as a Docker Hub hook's is, and returns it. Idempotent. */
export const createTakePush =
  ({ apps, recordEvidence, clock, log }: EcrPushPorts) =>
  async (push: EcrPush): Promise<readonly Match[]> => {
    const now = toInstant(clock())
    const { repository, tag, pushedAt } = push
    const matches = apps
      .filter((app) => isPushOf(push, app))
      .flatMap((app) => {
        const facts = { kind: 'image', app: app.name, repository, tag, pushedAt } as const
        const matched = match(facts, apps, now)
        return matched.ok ? matched.value.map(fromEcr) : []
      })
    for (const { app, revision, commit, evidence } of matches)
      await recordEvidence(app, revision, commit, evidence, now)
    log.info('pushed image taken', { repository, tag, apps: matches.map(({ app }) => app) })
    return matches
  }
