import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { match } from '../../src/delivery/match.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import { newNonce } from '../../src/kernel/id.ts'
import { createOperate } from '../../src/rollout/operate.ts'
import { plainly } from '../support/calls.ts'
import { commitAt, digestAt, indexOf } from '../support/examples.ts'
import { createWorld, type World } from '../support/rollout-world.ts'
import { letItSettle, runReconcile } from '../support/runs.ts'
import { inFull } from '../support/size.ts'
import { createdAt, indexes, parseAct, stories, type Act, type Story } from '../support/stories.ts'

/** As the webhook takes it in: matched, and recorded on whichever revision it is evidence of. */
const receive = (world: World, story: Story, act: Act): void => {
  const parsed = parseAct(act, story, world.instant())
  if (parsed === null) return
  const matched = match(parsed, [world.app], world.instant())
  if (!matched.ok) return
  for (const { revision, evidence } of matched.value)
    if (revision === null) world.announceTag()
    else world.receive(revision, evidence)
}

const pushImage = (world: World, { mode }: Story, index: number): void => {
  if (mode.tag === 'latest') world.moveTag(index)
  else world.pushImage(index)
}

/** A person goes back one release; when, or null where there was nothing to go back to. */
const rollBack = async (world: World): Promise<Instant | null> => {
  const auditLog = { recordOperation: () => Promise.resolve() }
  const { heads, clock } = world.toPorts(plainly)
  const command = { kind: 'rollback', to: null } as const
  const order = { app: world.app.name, command, by: 'ada', id: newNonce() }
  const operated = await createOperate({ heads, clock, auditLog })(order)
  return operated.ok ? world.instant() : null
}

interface Told {
  readonly world: World
  readonly rolledBackAt: Instant | null
}

const tellStory = async (story: Story): Promise<Told> => {
  const world = createWorld({ instances: 1, app: { ...story.mode, deadlineSeconds: 21_600 } })
  world.see('github:push')
  let rolledBackAt: Instant | null = null
  for (const { at, act, isUnheard } of story.events) {
    world.advance(Math.max(0, Date.parse(at) - world.now()))
    if (act.kind === 'image') pushImage(world, story, act.index)
    else if (act.kind === 'rollback') rolledBackAt = (await rollBack(world)) ?? rolledBackAt
    else receive(world, story, act)
    if (!isUnheard) await runReconcile(world)
  }
  await letItSettle(world, 12)
  return { world, rolledBackAt }
}

/** All required evidence came, and no tag of the branch's name hides its run. */
const isEligible = ({ world }: Told, { mode, fates, events }: Story, index: number): boolean => {
  const fate = fates[index]
  const isGreen = mode.requires.every(
    (required) => required.kind === 'image' || fate?.[required.ci].at(-1) === 'success',
  )
  // An image under a moving tag that was not looked up before the tag moved was never seen.
  const isSeen =
    mode.tag !== 'latest' ||
    world.fetched.includes(digestAt(index)) ||
    events.findLast(({ act }) => act.kind === 'image')?.act ===
      events.find(({ act }) => act.kind === 'image' && act.index === index)?.act
  const isTagged = events.some(({ act }) => act.kind === 'tag' && act.index === index)
  return isGreen && fate?.hasImage === true && isSeen && !isTagged
}

const everGreen = ({ mode, fates }: Story, index: number): boolean =>
  mode.requires.every(
    (required) => required.kind === 'image' || fates[index]?.[required.ci].includes('success'),
  )

const checkForward = ({ world, rolledBackAt }: Told, story: Story): void => {
  let newest = -1
  for (const { kind, release, openedAt } of world.deployments.values()) {
    if (kind !== 'deploy') continue
    const index = indexOf(release.revision)
    expect(index).toBeGreaterThan(newest)
    expect(everGreen(story, index)).toBe(true)
    expect(release.digest).toBe(digestAt(index))
    if (rolledBackAt !== null && openedAt > rolledBackAt)
      expect(createdAt(index) > rolledBackAt).toBe(true)
    newest = index
  }
}

const checkEnd = (told: Told, story: Story): void => {
  const { world, rolledBackAt } = told
  const core = world.core()
  expect(world.breaches).toEqual([])
  expect([core.isIdle, core.isRequestPending]).toEqual([true, false])
  const eligible = indexes.filter(
    (index) =>
      isEligible(told, story, index) &&
      !core.quarantine.some((one) => JSON.stringify(one).includes(commitAt(index))) &&
      (rolledBackAt === null || createdAt(index) > rolledBackAt),
  )
  const wanted = eligible.at(-1)
  if (wanted === undefined) return
  const { live } = core
  expect(live).not.toBeNull()
  // It may be newer: green when it was deployed, and red in a later attempt.
  if (live !== null) expect(indexOf(live.revision)).toBeGreaterThanOrEqual(wanted)
}

describe('ten commits, whatever events arrive and when', () => {
  it('never moves production backwards without a rollback, and ends at the newest deployable commit', async () => {
    const counts = { deployments: 0, rollbacks: 0, latest: 0 }
    await fc.assert(
      fc.asyncProperty(stories, async (story) => {
        const told = await tellStory(story)
        checkForward(told, story)
        checkEnd(told, story)
        counts.deployments += told.world.deployments.size
        counts.rollbacks += told.rolledBackAt === null ? 0 : 1
        counts.latest += story.mode.tag === 'latest' ? told.world.deployments.size : 0
      }),
      { numRuns: inFull(300, 100) },
    )
    // Most stories deploy, some roll back. By chance alone a count is that low once in a million runs.
    expect(counts.deployments).toBeGreaterThan(inFull(300, 100))
    expect(counts.latest).toBeGreaterThan(inFull(100, 20))
    expect(counts.rollbacks).toBeGreaterThan(inFull(10, 0))
  })
})
