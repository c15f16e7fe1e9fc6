import { startTeam, type Team } from '../team/team.ts'
import { playInOrder, toDemoApp, type Play } from './play.ts'
import { app, firstKey, renderActs, secret, service } from './render-acts.ts'

const apps = (registry: string) => ({
  [app]: {
    ...toDemoApp(registry),
    targets: [{ render: { service, token: 'landfall/local/render', env: 'sync' } }],
  },
})

/** The same job at a local server that behaves as Render's API, in four acts; no engine is needed. */
export const playOnRender: Play = async (screen, directory) => {
  screen.say('starting a registry, the local AWS, the API and a local Render')
  const team: Team = await startTeam({
    directory,
    apps,
    secrets: { [secret]: { SECRET_KEY: firstKey } },
    say: screen.say,
  })
  try {
    return await playInOrder(renderActs, { team, screen })
  } finally {
    await team.stop()
  }
}
