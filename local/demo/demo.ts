import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from '../docker/docker.ts'
import { cleanUp } from '../team/clean-up.ts'
import { freePort, startTeam, type Team } from '../team/team.ts'
import { deployAgain, deployByHand, refuseBroken, takeOver } from './acts.ts'
import type { Act } from './act.ts'
import { goBack } from './go-back.ts'
import { createScreen, showSummary } from './screen.ts'
import { alarmName, app, byHand, type Stage } from './stage.ts'
import { takeBackByAlarm } from './take-back.ts'

const apps = (port: number) => (registry: string) => ({
  [app]: {
    repository: 'acme/demo-shop',
    branch: 'main',
    image: `${registry}/acme/demo-shop`,
    tag: '{commit}',
    environment: 'demo',
    requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
    env: { DEBUG: 'False' },
    secrets: 'landfall/local/demo-shop',
    rollback: { alarms: [alarmName], window: '5m' },
    targets: [
      {
        ec2: {
          instances: { tag: 'Name=demo' },
          port: 8000,
          publish: port,
          replaces: byHand,
          health: { path: '/healthz', interval: '1s', times: 2, timeout: '30s' },
        },
      },
    ],
  },
})

const inOrder = [deployByHand, takeOver, deployAgain, refuseBroken, takeBackByAlarm, goBack]

const play = async (stage: Stage): Promise<readonly Act[]> => {
  const acts: Act[] = []
  for (const next of inOrder) {
    const act = await next(stage)
    stage.screen.showEnd(act)
    acts.push(act)
  }
  return acts
}

const leaveNothing = async (port: number, team: Team | null, directory: string): Promise<void> => {
  await docker(['rm', '-f', byHand]).catch(() => undefined)
  await cleanUp([app], [port], team?.registry).catch(() => undefined)
  await team?.stop()
  rmSync(directory, { recursive: true, force: true })
}

/** The main job on real parts, in six acts; 0 only when every act did what it says. */
const main = async (): Promise<number> => {
  const screen = createScreen()
  const directory = mkdtempSync(join(tmpdir(), 'landfall-demo-'))
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
    const acts = await play({ team, screen, port })
    showSummary(acts)
    return acts.every(({ ok }) => ok) ? 0 : 1
  } finally {
    await leaveNothing(port, team, directory)
  }
}

process.exitCode = await main()
