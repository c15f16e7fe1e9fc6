import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  anyWith,
  expectDeployed,
  openStage,
  readJournal,
  readRevision,
  toCommit,
  type Stage,
} from '../support/end-to-end.ts'
import { waitFor } from '../support/end-to-end-wait.ts'

const app = 'e2e-latest'
let stage: Stage

beforeAll(async () => {
  stage = await openStage({ apps: { [app]: { settings: { tag: 'latest' } } } })
})
afterAll(() => stage?.close())

/** What a pipeline with `docker/metadata-action` pushes: latest, labelled with its commit. */
const push = (version: string, label: string | null = toCommit(version)): Promise<string> => {
  const labels = label === null ? {} : { 'org.opencontainers.image.revision': label }
  return stage.team.pushImage(stage.repositoryOf(app), 'latest', { VERSION: version }, labels)
}

const announce = () => stage.team.announceImage(app, stage.repositoryOf(app), 'latest')

const waiting = async () => (await stage.team.operators.status(app)).waiting

const waitUntilKnown = (version: string) =>
  waitFor(`the commit of ${version} is known by its image`, async () => {
    const revision = await readRevision(stage, app, version)
    return revision?.['status'] === 'waiting'
  })

const expectServed = async (version: string, digest: string): Promise<void> => {
  expectDeployed(await stage.nextDeployment(app), { digest, commit: toCommit(version) })
  expect(await stage.ask(app)).toBe(version)
}

test('CI turns green for the commit that the image under latest names', async () => {
  const digest = await push('monday')
  expect(await stage.endCi(app, 'monday')).toMatchObject({ status: 202, reason: 'recorded' })
  await expectServed('monday', digest)
})

test('CI first, the image later: Docker Hub’s hook brings it out', async () => {
  await stage.endCi(app, 'tuesday')
  const lacksImage = async () => (await waiting())[0]?.lacks[0] === 'image'
  await waitFor('the commit lacks nothing but its image', lacksImage)
  expect(await waiting()).toEqual([
    anyWith({ revision: toCommit('tuesday'), lacks: ['image'], reason: 'image_missing' }),
  ])
  const digest = await push('tuesday')
  expect(await announce()).toMatchObject({ status: 202, reason: 'recorded' })
  await expectServed('tuesday', digest)
})

test('an image keeps its digest when latest moves on before its CI is green', async () => {
  const digest = await push('wednesday')
  await announce()
  await waitUntilKnown('wednesday')
  await push('thursday')
  await announce()
  await waitUntilKnown('thursday')
  await stage.endCi(app, 'wednesday')
  await expectServed('wednesday', digest)
  const labels = Object.keys((await readJournal(stage, `app#${app}`, 'tag')) ?? {})
  expect(labels).toContain(`label:${digest}`)
  expect(await stage.team.operators.status(app)).toMatchObject({
    waiting: [{ revision: toCommit('thursday'), lacks: ['github workflow CI'] }],
  })
})

test('an image without its label waits, and status says why', async () => {
  await push('friday', null)
  await stage.endCi(app, 'friday')
  const isUnlabelled = async () =>
    (await waiting()).some(({ reason }) => reason === 'image_unlabelled')
  await waitFor('the image is found to have no label', isUnlabelled)
  expect(await waiting()).toContainEqual(
    anyWith({ revision: toCommit('friday'), lacks: ['image'], reason: 'image_unlabelled' }),
  )
  expect(await stage.ask(app)).toBe('wednesday')
})
