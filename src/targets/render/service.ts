import * as z from 'zod'
import type { App } from '../../deployment/app.ts'
import { parseJson } from '../../kernel/json.ts'
import { succeed, type Result } from '../../kernel/result.ts'
import { parseImage } from '../../registry/image.ts'
import { failLater, type AskRender, type RenderFailure } from './api.ts'

/** `GET /services/{id}`, the fields that are used. */
const Service = z.object({
  name: z.string(),
  autoDeploy: z.string().nullish(),
  suspended: z.string().nullish(),
  imagePath: z.string().nullish(),
  repo: z.string().nullish(),
  registryCredential: z.object({ name: z.string() }).nullish(),
  serviceDetails: z.object({ healthCheckPath: z.string().nullish() }).nullish(),
})
export type Service = z.infer<typeof Service>

export const readService = async (ask: AskRender): Promise<Result<Service, RenderFailure>> => {
  const answered = await ask({ method: 'GET', path: '' })
  if (!answered.ok) return answered
  const service = parseJson(Service, answered.value.body)
  return service === null
    ? failLater('Render describes the service in another way')
    : succeed(service)
}

/** `docker.io/acme/shop`: as Render compares images, without tag and digest. */
export const nameImage = (image: string): string => {
  const [path = ''] = image.split('@')
  const colon = path.lastIndexOf(':')
  const { host, repository } = parseImage(
    colon > path.lastIndexOf('/') ? path.slice(0, colon) : path,
  )
  return `${host}/${repository}`
}

/** Why Landfall cannot deploy an app to this service, and what to do; null where it can. */
export const findUnsuitable = (
  { imagePath, repo, suspended, autoDeploy }: Service,
  { image }: Pick<App, 'image'>,
): string | null => {
  const wanted = nameImage(image)
  if (typeof imagePath !== 'string' || imagePath === '')
    return `Render builds it from ${repo ?? 'a repository'}, and Landfall deploys images: make a service of the image ${wanted} (New, Web Service, Existing image) with the same variables and disk, name its id in landfall.yml, and move the domain to it`
  if (nameImage(imagePath) !== wanted)
    return `it runs ${nameImage(imagePath)}, and Render takes no other image than the service's own: set it to ${wanted} (Settings, Image)`
  if (suspended === 'suspended') return 'it is suspended: resume it at Render'
  if (autoDeploy === 'yes')
    return 'Render deploys it by itself: set Auto-Deploy to off (Settings), so that only Landfall does'
  return null
}
