import { afterAll, beforeAll, expect, test } from 'vitest'
import { toGrants } from '../../local/aws/index.ts'
import { startGrantedWorld, type GrantedWorld } from '../support/granted-world.ts'

let world: GrantedWorld
beforeAll(async () => {
  world = await startGrantedWorld()
})
afterAll(() => world.stop())

const commitOf = (letter: string): string => letter.repeat(40)

test('every call of the functions is granted, and every grant is called', async () => {
  const { aws, service } = world
  const grants = new Set(
    service.functions.flatMap(({ role }) => role.statements.flatMap(toGrants)),
  )
  const step = async (what: string, act: () => Promise<unknown>) => {
    const at = Date.now()
    await act().then((v) => console.error(what, Date.now() - at, JSON.stringify(v)?.slice(0, 300)), (e: unknown) => console.error('FAILED', what, String(e), world.logs.slice(-6).join('\n').slice(-3000)))
  }
  await step('hooks', () => world.operate('hooks', { app: 'shop' }))
  await step('deliver a', () => world.deliver('shop', commitOf('a')))
  await step('1', () => world.waitForStatus('shop', 1, 'succeeded'))
  await step('plan', () => world.operate('plan', { app: 'shop' }))
  await step('deliver b', () => world.deliver('shop', commitOf('b')))
  await step('2', () => world.waitForStatus('shop', 2, 'succeeded'))
  await step('alarm', () => world.fireAlarm())
  await step('3', () => world.waitForStatus('shop', 3, 'succeeded'))
  await step('freeze', () => world.operate('freeze', { app: 'shop', reason: 'test' }))
  await step('unfreeze', () => world.operate('unfreeze', { app: 'shop' }))
  world.standIn.mood = 'fails'
  await step('redeploy', () => world.operate('redeploy', { app: 'shop', revision: commitOf('b'), force: true }))
  await step('4', () => world.waitForStatus('shop', 4, 'failed'))
  world.standIn.mood = 'key_changed'
  await step('redeploy', () => world.operate('redeploy', { app: 'shop', revision: commitOf('b'), force: true }))
  await step('5', () => world.waitForStatus('shop', 5, 'succeeded'))
  await step('rollback', () => world.operate('rollback', { app: 'shop' }))
  await step('6', () => world.waitForStatus('shop', 6, 'succeeded'))
  world.standIn.mood = 'waits'
  await step('redeploy', () => world.operate('redeploy', { app: 'shop', revision: commitOf('b'), force: true }))
  await step('7', () => world.waitForStatus('shop', 7, 'in_progress'))
  await step('cancel', () => world.operate('cancel', { app: 'shop' }))
  await step('7', () => world.waitForStatus('shop', 7, 'cancelled'))
  await step('deliver site', () => world.deliver('site', commitOf('c')))
  await step('settle', () => world.settle('site'))
  await step('tick', () => world.tick())
  await step('tick', () => world.tick())
  await step('settle', () => world.settle('site'))
  await step('plan', () => world.operate('plan', { app: 'site' }))
  await step('status', () => world.operate('status', {}))
  aws.runner.invokeAsync('landfall-local-reconcile', { no: 'event' })
  await step('settle', () => world.settle('shop'))
  console.error('idle', [...grants].filter((g) => !aws.access.exercised.has(g)))
  console.error('denials', aws.access.denials)
  expect(aws.access.denials).toEqual([])
})
