import * as z from 'zod'
import type { HerokuSettings } from '../../deployment/app.ts'
import { InstanceId } from '../../kernel/id.ts'
import { succeed } from '../../kernel/result.ts'
import { selectOne } from '../target.ts'
import { getFromHeroku, type AskHeroku, type FromHeroku } from './api.ts'

export const toInstanceId = (app: string): InstanceId => InstanceId.parse(`heroku:${app}`)

export const createHerokuSelection = ({ key, app }: HerokuSettings) =>
  selectOne(toInstanceId(app), key)

/** `GET /apps/{app}`, the fields that are used. */
const HerokuApp = z.object({
  name: z.string(),
  maintenance: z.boolean(),
  stack: z.object({ name: z.string() }),
  build_stack: z.object({ name: z.string() }).nullish(),
  web_url: z.url().nullish(),
})
export type HerokuApp = z.infer<typeof HerokuApp>

export const readApp = (ask: AskHeroku): FromHeroku<HerokuApp> =>
  getFromHeroku(ask, { path: '' }, HerokuApp, 'the app')

/** Why Landfall cannot deploy an image to this app, and what to do; null if it can. */
export const findUnsuitableApp = ({
  name,
  maintenance,
  stack,
  build_stack,
}: HerokuApp): string | null => {
  // A new app has the stack of its next build; the one it runs on follows with the first release.
  const isContainer = [stack.name, build_stack?.name].includes('container')
  if (!isContainer)
    return `its stack is ${stack.name}, which runs no images: heroku stack:set container --app ${name}`
  if (maintenance)
    return `it is in maintenance mode, so nobody would reach it and no check could pass: heroku maintenance:off --app ${name}`
  return null
}

const Feature = z.object({ enabled: z.boolean() })

/** Whether new web dynos start beside the old ones, if they are of a size that can. */
export const readPreboot = async (ask: AskHeroku): FromHeroku<boolean> => {
  const feature = await getFromHeroku(ask, { path: '/features/preboot' }, Feature, 'preboot')
  return feature.ok ? succeed(feature.value.enabled) : feature
}

const Formation = z.array(
  z.object({ type: z.string(), quantity: z.int().nonnegative(), size: z.string() }),
)
export type Formation = z.infer<typeof Formation>

export const readFormation = (ask: AskHeroku): FromHeroku<Formation> =>
  getFromHeroku(ask, { path: '/formation' }, Formation, 'the formation')
