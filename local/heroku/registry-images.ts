import * as z from 'zod'

const schema2 = 'application/vnd.docker.distribution.manifest.v2+json'
const Manifest = z.object({ config: z.object({ digest: z.string() }) })

/** The images of a registry, as Heroku names them: by the digest of their configuration. */
export interface RegistryImages {
  /**
   * Whether `<app>/<process>` has an image of this id, under `latest` or kept. The one under `latest` is kept
   * under its id from then on, as Heroku keeps what it may be asked to release.
   */
  has(app: string, process: string, image: string): Promise<boolean>
  /**
   * What an engine pulls: `localhost:5000/shop/web@sha256:…`.
   *
   * @throws Error where the image was not kept
   */
  toReference(app: string, process: string, image: string): Promise<string>
}

/** `registry`: `localhost:5000`, the one behind the front. */
export const createRegistryImages = (registry: string): RegistryImages => {
  const toUrl = (app: string, process: string, tag: string): string =>
    `http://${registry}/v2/${app}/${process}/manifests/${tag}`
  const toTag = (image: string): string => image.replace('sha256:', '')
  const read = async (app: string, process: string, tag: string) => {
    const answer = await fetch(toUrl(app, process, tag), { headers: { accept: schema2 } })
    if (answer.status === 404) return null
    const text = await answer.text()
    if (!answer.ok) throw new Error(`the registry answers ${answer.status}: ${text}`)
    const { config } = Manifest.parse(JSON.parse(text))
    return {
      text,
      image: config.digest,
      digest: answer.headers.get('docker-content-digest') ?? '',
    }
  }
  const keepLatest = async (app: string, process: string): Promise<void> => {
    const latest = await read(app, process, 'latest')
    if (latest === null) return
    const kept = await fetch(toUrl(app, process, toTag(latest.image)), {
      method: 'PUT',
      headers: { 'content-type': schema2 },
      body: latest.text,
    })
    if (!kept.ok) throw new Error(`the registry answers ${kept.status}`)
  }
  return {
    has: async (app, process, image) => {
      await keepLatest(app, process)
      return (await read(app, process, toTag(image)))?.image === image
    },
    toReference: async (app, process, image) => {
      const kept = await read(app, process, toTag(image))
      if (kept?.image !== image) throw new Error(`${app}/${process} has no image ${image}`)
      return `${registry}/${app}/${process}@${kept.digest}`
    },
  }
}
