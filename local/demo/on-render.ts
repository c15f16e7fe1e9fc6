import { playAtService } from './at-service.ts'
import { toDemoApp, type Play } from './play.ts'
import { app, firstKey, renderActs, secret, service } from './render-acts.ts'

const apps = (registry: string) => ({
  [app]: {
    ...toDemoApp(registry),
    targets: [{ render: { service, token: 'landfall/local/render', env: 'sync' } }],
  },
})

/** The same job at a local server that behaves as Render's API, in four acts; no engine is needed. */
export const playOnRender: Play = (screen, directory, stay) => {
  screen.say('starting a registry, the local AWS, the API and a local Render')
  const secrets = { [secret]: { SECRET_KEY: firstKey } }
  return playAtService(screen, { directory, apps, secrets }, renderActs, stay)
}
