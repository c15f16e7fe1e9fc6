import type { HerokuApp } from '../heroku/app.ts'
import type { Act } from './act.ts'
import { invokeBySls } from './command-line.ts'
import { playAct, release, rotateSecret, short, type DemoScene } from './at-service.ts'

export const app = 'demo-shop'
export const secret = 'landfall/local/demo-shop'
export const firstKey = 'the-first-key'
const secondKey = 'the-second-key'

const appOf = ({ team }: DemoScene): HerokuApp => {
  if (team.stack.heroku === null) throw new Error('there is no local Heroku')
  return team.stack.heroku.app(app)
}

/** What users get, who know nothing of versions and dynos. */
const ask = async (scene: DemoScene): Promise<string> => {
  const answer = await fetch(appOf(scene).webUrl)
  return `${answer.status} ${(await answer.text()).trim()}`
}

/** Whether users get this version, and it has this key and what was set at Heroku by hand. */
const serves = async (scene: DemoScene, version: string, key: string): Promise<boolean> => {
  const env = appOf(scene).serving()?.env
  const isKept = env?.['SET_BY_HAND'] === 'and left alone'
  return isKept && env['SECRET_KEY'] === key && (await ask(scene)).startsWith(`200 ${version}`)
}

const play = (
  scene: DemoScene,
  title: string,
  act: Parameters<typeof playAct>[3],
): Promise<Act> => {
  const describeNewest = (): string | null => {
    const newest = appOf(scene).releases().at(-1)
    if (newest === undefined) return null
    return `Heroku: v${newest.version} ${newest.status}: ${newest.description}`
  }
  return playAct(scene, title, describeNewest, act)
}

const deployFirst = (scene: DemoScene): Promise<Act> =>
  play(scene, 'A green commit goes to Heroku, after its release phase', async () => {
    appOf(scene).configVars.set('SET_BY_HAND', 'and left alone')
    const { digest, deployment } = await release(scene, 'shop 1', 1)
    return {
      ok: deployment.status === 'succeeded' && (await serves(scene, 'shop 1', firstKey)),
      deployment,
      says: `${short(digest)} was carried to Heroku and serves; what was set by hand is left alone`,
    }
  })

const deployNext = (scene: DemoScene): Promise<Act> =>
  play(scene, 'The next commit, with a rotated secret', async () => {
    await rotateSecret(scene, secret, secondKey)
    const { deployment } = await release(scene, 'shop 2', 2)
    return {
      ok: deployment.status === 'succeeded' && (await serves(scene, 'shop 2', secondKey)),
      deployment,
      says: 'shop 2 serves with the new key',
    }
  })

const refuseBroken = (scene: DemoScene): Promise<Act> =>
  play(scene, 'A commit whose release phase fails', async () => {
    const before = appOf(scene).restarts
    const { deployment } = await release(scene, 'shop 3', 3, { FAULT: 'exits' })
    scene.screen.say(`  | ${deployment.message ?? ''}`)
    return {
      ok:
        deployment.status === 'failed' &&
        deployment.reason === 'predeploy_failed' &&
        appOf(scene).restarts === before &&
        (await serves(scene, 'shop 2', secondKey)),
      deployment,
      says: `failed (${deployment.reason ?? ''}); shop 2 serves on, and no dyno was restarted`,
    }
  })

const bringBack = (scene: DemoScene): Promise<Act> =>
  play(scene, 'A commit that answers 500, which Heroku would leave in place', async () => {
    const { deployment } = await release(scene, 'shop 4', 4, { FAULT: 'answers_500' })
    scene.screen.say(`  | ${deployment.message ?? ''}`)
    return {
      ok:
        deployment.status === 'failed' &&
        deployment.reason === 'unhealthy' &&
        (await serves(scene, 'shop 2', secondKey)),
      deployment,
      says: `failed (${deployment.reason ?? ''}); shop 2 serves again`,
    }
  })

const goBack = (scene: DemoScene): Promise<Act> =>
  play(scene, 'Back by a person’s word', async () => {
    const { team, screen } = scene
    screen.say(`npx sls invoke -f rollback -d '{"app":"${app}"}'`)
    const printed = await invokeBySls(team, 'rollback', { app })
    const deployment = await team.operators.waitForEnd(app, 5)
    return {
      ok:
        printed.includes('accepted') &&
        deployment.kind === 'rollback' &&
        deployment.status === 'succeeded' &&
        (await serves(scene, 'shop 1', firstKey)),
      deployment,
      says: 'shop 1 serves again, with the first key',
    }
  })

export const herokuActs = [deployFirst, deployNext, refuseBroken, bringBack, goBack]
