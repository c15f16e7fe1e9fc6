import { docker } from '../docker/docker.ts'
import { freePort } from '../docker/free-port.ts'
import { startTeam, type Team } from '../team/team.ts'
import { deployAgain, deployByHand, refuseBroken, takeOver } from './acts.ts'
import { goBack } from './go-back.ts'
import { removeLeftovers } from './leftovers.ts'
import { playInOrder, toDemoApp, type Play } from './play.ts'
import { alarmName, app, byHand } from './stage.ts'
import { takeBackByAlarm } from './take-back.ts'

const apps = (port: number) => (registry: string) => ({
  [app]: {
    ...toDemoApp(registry),
    rollback: { alarms: [alarmName], window: '5m' },
    targets: [
      {
        ec2: {
          instances: { tag: 'Name=demo' },
          port: 8000,
          publish: port,
          replaces: byHand,
          health: { path: '/healthz', timeout: '30s' },
        },
      },
    ],
  },
})

const inOrder = [deployByHand, takeOver, deployAgain, refuseBroken, takeBackByAlarm, goBack]

const leaveNothing = async (port: number, team: Team | null): Promise<void> => {
  await docker(['rm', '-f', byHand]).catch(() => undefined)
  await team?.cleanUp([app], [port]).catch(() => undefined)
  await team?.stop()
}

/** The main job on real parts, in six acts. */
export const playOnEc2: Play = async (screen, directory, stay) => {
  const port = await freePort()
  let team: Team | null = null
  try {
    screen.say('starting a registry, the local AWS and the API; an app at http://127.0.0.1:' + port)
    team = await startTeam({
      directory,
      apps: apps(port),
      secrets: { 'landfall/local/demo-shop': { SECRET_KEY: 'only-the-container-knows-this' } },
      say: screen.say,
    })
    await removeLeftovers(screen.say)
    const acts = await playInOrder(inOrder, { team, screen, port })
    await stay(team.stack, acts)
    return acts
  } finally {
    await leaveNothing(port, team)
  }
}
