import * as z from 'zod'
import type { App, RenderSettings } from '../../deployment/app.ts'
import { InstanceId } from '../../kernel/id.ts'
import { parseImage } from '../../registry/image.ts'
import { selectOne } from '../target.ts'
import { getFrom, type AskRender, type FromRender } from './api.ts'

export const createRenderSelection = ({ key, service }: RenderSettings) =>
  selectOne(InstanceId.parse(service), key)

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

export const readService = (ask: AskRender): FromRender<Service> =>
  getFrom(ask, '', Service, 'the service')

/** `docker.io/acme/shop`: as Render compares images, without tag and digest. */
export const nameImage = (image: string): string => {
  const [path = ''] = image.split('@')
  const colon = path.lastIndexOf(':')
  const { host, repository } = parseImage(
    colon > path.lastIndexOf('/') ? path.slice(0, colon) : path,
  )
  return `${host}/${repository}`
}

/** Why Landfall cannot deploy an app to this service, and what to do; null if it can. */
export const findUnsuitable = (
  { imagePath, repo, suspended, autoDeploy }: Service,
  { image }: Pick<App, 'image'>,
): string | null => {
  const wanted = nameImage(image)
  if (typeof imagePath !== 'string' || imagePath === '')
    return `Render builds it from ${repo ?? 'a repository'}, and Landfall deploys images: make a service of the image ${wanted} (New, Web Service, Existing image) with the same variables and disk, name its id in landfall.yml, and move the domain to it`
  if (nameImage(imagePath) !== wanted)
    return `it runs ${nameImage(imagePath)}, and Render accepts no other image than the service's own: set it to ${wanted} (Settings, Image)`
  if (suspended === 'suspended') return 'it is suspended: resume it at Render'
  if (autoDeploy === 'yes')
    return 'Render deploys it by itself: set Auto-Deploy to off (Settings), so that only Landfall does'
  return null
}
