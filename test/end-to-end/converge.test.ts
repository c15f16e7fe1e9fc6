import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { expectDeployed, openStage, scanJournal, type Stage } from '../support/end-to-end.ts'
import { tick, waitUntilServed } from '../support/end-to-end-alarms.ts'

const app = 'e2e-converge'
const container = `landfall-${app}.1`
let stage: Stage
beforeAll(async () => {
  stage = await openStage({ apps: { [app]: {} } })
})
afterAll(() => stage?.close())

/** The machine was away for some minutes, and the clock has looked meanwhile. */
const comeBack = async (): Promise<void> => {
  const [member] = stage.team.stack.fleet.values()
  if (member === undefined) throw new Error('no instance')
  member.status.online = false
  await tick(stage)
  member.status.online = true
  await tick(stage)
}

const listSteps = async () =>
  (await scanJournal(stage)).filter(({ pk }) => pk === `deployment#${app}#1`)

test('an instance that comes back and serves its release is asked, and nothing else is done', async () => {
  expectDeployed(await stage.release(app, 'one'))
  const before = [await docker(['inspect', '--format', '{{.Id}}', container]), await listSteps()]
  await comeBack()
  expect(await stage.team.operators.invoke('status', { app })).toMatchObject({
    open: null,
    converging: [],
    instances: [{ id: 'i-00000001', serves: 1, reason: null }],
  })
  expect([await docker(['inspect', '--format', '{{.Id}}', container]), await listSteps()]).toEqual(
    before,
  )
})

test('one that comes back without it gets it by itself, and the history stays as it was', async () => {
  await docker(['rm', '--force', container])
  await comeBack()
  await waitUntilServed(stage, app, 'one')
  const status = await stage.team.operators.status(app)
  expect(status).toMatchObject({ live: { generation: 1 }, deployments: [{ generation: 1 }] })
  // What it took stands with the steps of the release.
  expect((await listSteps()).length).toBeGreaterThan(2)
})
