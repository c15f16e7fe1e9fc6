import type { Instant } from '../kernel/clock.ts'
import { withoutPhase, type Deployment, type Ended, type Ending } from './deployment.ts'
import { keptFinished, keptReleases, liveRelease, type Finished, type Head } from './head.ts'
import { notePlaces } from './places.ts'
import { isSameContent } from './quarantine.ts'
import { cutMessage } from './words.ts'

/** What an alarm will be judged by; nothing where nothing was sent, for then nothing is its fault. */
const toFinished = (head: Head, ended: Ended): readonly Finished[] => {
  const { generation, kind, status, release, firing, sentAt, endedAt } = ended
  if (sentAt === null || kind === 'converge') return []
  const live = liveRelease(head)
  const changed = live === null || !isSameContent(live, release)
  const { commit, digest } = release
  return [{ generation, kind, status, commit, digest, changed, firing, sentAt, endedAt }]
}

const keepReleases = (head: Head, { release, status }: Ended): Head['releases'] => {
  if (status !== 'succeeded') return head.releases
  const earlier = head.releases.filter(({ generation }) => generation !== release.generation)
  return [release, ...earlier].slice(0, keptReleases)
}

/** The deployment as it stays: its ending is written in the head first and never changes there. */
export const toEnded = (deployment: Deployment, ending: Ending, at: Instant): Ended => ({
  ...withoutPhase(deployment),
  phase: 'ended',
  ...ending,
  message: cutMessage(ending.message),
  rolledBackBy: ending.status === 'rolled_back' ? deployment.generation : null,
  endedAt: at,
})

/** What an ending makes of a head: what is live, what an alarm is judged by, what each instance serves. */
export const endDeployment = (head: Head, ending: Ending, at: Instant): Head => {
  const { deployment } = head
  if (deployment === null) return head
  const ended = toEnded(deployment, ending, at)
  return {
    ...head,
    deployment: ended,
    releases: keepReleases(head, ended),
    finished: [...toFinished(head, ended), ...head.finished].slice(0, keptFinished),
    places: notePlaces(head, ended, at),
    watch: null,
  }
}
