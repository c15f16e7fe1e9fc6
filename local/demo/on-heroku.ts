import { ensureEngine } from '../docker/engine.ts'
import { playAtService } from './at-service.ts'
import { app, firstKey, herokuActs, secret } from './heroku-acts.ts'
import { toDemoApp, type Play } from './play.ts'

/** The image's own FAULT decides whether its release phase fails, as a migration would. */
const releasePhase = ['sh', '-c', 'echo "migrating for $VERSION"; test "$FAULT" != exits']

const apps = (registry: string) => ({
  [app]: {
    ...toDemoApp(registry),
    targets: [
      {
        heroku: {
          app,
          token: 'landfall/local/heroku',
          release: releasePhase,
          health: { timeout: '8s' },
        },
      },
    ],
  },
})

/** The same job at a local Heroku, whose dynos are real containers, in five acts. */
export const playOnHeroku: Play = async (screen, directory, stay) => {
  screen.say('starting the Docker Engine, a registry, the local AWS, the API and a local Heroku')
  const engine = await ensureEngine()
  try {
    const secrets = { [secret]: { SECRET_KEY: firstKey } }
    return await playAtService(screen, { directory, apps, secrets }, herokuActs, stay)
  } finally {
    await engine.stop()
  }
}
