import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { toGrants } from '../../local/aws/index.ts'
import { readForm } from '../support/page-site.ts'
import { startGrantedWorld, type GrantedWorld } from '../support/granted-world.ts'

// All functions as they are packaged, each judged by its packaged role, over one course of events. What
// a role grants and none of this needs is too much, or has its reason below.

let world: GrantedWorld
beforeAll(async () => {
  world = await startGrantedWorld()
})
afterAll(() => world.stop())

const commitOf = (letter: string): string => letter.repeat(40)

const again = { app: 'shop', revision: commitOf('b'), force: true }

/** Two deployments, an alarm that takes the second back, and what people then ask for. */
const operateShop = async (world: GrantedWorld) => {
  const { deliver, operate, settle, tick, waitForStatus, fireAlarm } = world
  await deliver('shop', commitOf('a'))
  await waitForStatus('shop', 1, 'succeeded')
  await operate('plan', { app: 'shop' })
  await deliver('shop', commitOf('b'))
  await waitForStatus('shop', 2, 'succeeded')
  await settle()
  await fireAlarm()
  await waitForStatus('shop', 3, 'succeeded')
  await operate('renew-proxy', { by: 'ada' })
  await tick()
  await operate('freeze', { app: 'shop', reason: 'test' })
  await operate('unfreeze', { app: 'shop' })
  await settle()
}

/** An app that does not come up, an instance with another key, and a deployment that is cancelled. */
const failShop = async (world: GrantedWorld) => {
  const { standIn, operate, settle, waitForStatus } = world
  standIn.mood = 'fails'
  await operate('redeploy', again)
  await waitForStatus('shop', 4, 'failed')
  await settle()
  standIn.mood = 'key_changed'
  await operate('redeploy', again)
  await waitForStatus('shop', 5, 'succeeded')
  await settle()
  const page = await openPage(world)
  for (const name of ['freeze', 'unfreeze', 'rollback']) await page.press(name)
  await waitForStatus('shop', 6, 'succeeded')
  await settle()
  standIn.mood = 'waits'
  await operate('redeploy', again)
  await waitForStatus('shop', 7, 'in_progress')
  await page.press('cancel')
  await waitForStatus('shop', 7, 'cancelled')
  await settle()
  await page.press('redeploy')
  await waitForStatus('shop', 8, 'succeeded')
  return page
}

/** A person asks for a commit before its CI is green; then it waits, because the app is frozen. */
const waitFrozen = async (world: GrantedWorld, page: Awaited<ReturnType<typeof openPage>>) => {
  const { deliver, operate, settle } = world
  await settle()
  await operate('redeploy', { app: 'shop', revision: commitOf('d') })
  await operate('freeze', { app: 'shop', reason: 'test' })
  for (let time = 0; time < 2; time += 1) await deliver('shop', commitOf('d'))
  await settle()
  await operate('plan', { app: 'shop' })
  await page.look()
  await page.leave()
  await openPage(world)
  await operate('open', {})
  expect(await operate('open', { revoke: true })).toMatchObject({ ended: 2 })
}

const Opened = z.object({ url: z.url() })
const PageAnswer = z.object({
  statusCode: z.number(),
  cookies: z.array(z.string()).default([]),
  body: z.string(),
})

/** A person signs in at the page by a link; `press` is one of its buttons. */
const openPage = async ({ operate }: GrantedWorld) => {
  let cookies: readonly string[] = []
  const ask = async (path: string, form?: Readonly<Record<string, string>>) => {
    const [rawPath = '', rawQueryString = ''] = path.split('?')
    const body = form === undefined ? {} : { body: new URLSearchParams(form).toString() }
    const sent = { origin: 'http://localhost:3000', host: 'localhost:3000' }
    const answer = await operate('page', {
      rawPath,
      rawQueryString,
      cookies,
      requestContext: { http: { method: form === undefined ? 'GET' : 'POST' } },
      headers: { ...sent, 'content-type': 'application/x-www-form-urlencoded' },
      ...body,
    })
    return PageAnswer.parse(answer)
  }
  const { url } = Opened.parse(await operate('open', { by: 'ada' }))
  const opened = await ask('/open', { token: url })
  cookies = opened.cookies.map((cookie) => cookie.split(';')[0] ?? '')
  const press = async (name: string): Promise<void> => {
    const { body } = await ask(`/app/shop?do=${name}`)
    const form = { ...readForm(body, 'id="confirm"'), reason: 'test' }
    expect([name, (await ask('/app/shop', form)).statusCode]).toEqual([name, 303])
  }
  const look = async (): Promise<void> => {
    for (const path of ['/', '/app/shop', '/app/shop/1'])
      expect((await ask(path)).statusCode).toBe(200)
  }
  return { look, press, leave: () => ask('/leave', {}) }
}

/** An image on its way to Heroku, and a nudge that fails. */
const carrySite = async ({ aws, deliver, operate, settle, tick }: GrantedWorld) => {
  await deliver('site', commitOf('c'))
  await settle()
  await tick()
  await settle()
  for (const name of ['plan', 'hooks']) await operate(name, { app: 'site' })
  await operate('status', {})
  aws.runner.invokeAsync('landfall-local-reconcile', { no: 'event' })
  await settle()
}

/** Grants that nothing here needs, and why they are there. */
const idle: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/managed-instance\/\*$/, 'hybrid machines are not imitated'],
  [/^WebhookRole.*secret:landfall\/local\/docker-hub-/, 'its own test: test/end-to-end/sources'],
  [
    /^ReconcileRole.*PutItem where .* audit#/,
    'an alarm that the schedule finds: its event was lost',
  ],
  [/^ReconcileRole.*UpdateItem where .* app#/, 'the labels of an image whose tag names no commit'],
]

/** Used where two runs of `carry` meet, which a slow answer alone brings about. */
const usedByChance = /^CarryRole.*GetItem/

test('every call of the functions is granted, and every grant is called', async () => {
  const { aws, service } = world
  await operateShop(world)
  await waitFrozen(world, await failShop(world))
  await carrySite(world)
  expect(aws.access.denials).toEqual([])
  const grants = service.functions.flatMap(({ role }) => role.statements.flatMap(toGrants))
  const unused = [...new Set(grants)].filter((grant) => !aws.access.exercised.has(grant))
  const certain = unused.filter((grant) => !usedByChance.test(grant))
  expect(certain.filter((grant) => !idle.some(([pattern]) => pattern.test(grant)))).toEqual([])
  expect(idle.filter(([pattern]) => !unused.some((grant) => pattern.test(grant)))).toEqual([])
})
