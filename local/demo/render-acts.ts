import type { Service } from '../render/service.ts'
import type { Act } from './act.ts'
import { invokeBySls } from './command-line.ts'
import { playAct, release, rotateSecret, short, type DemoScene } from './at-service.ts'

export const app = 'demo-shop'
export const service = 'srv-demo0000000000000000'
export const secret = 'landfall/local/demo-shop'
export const firstKey = 'the-first-key'
const secondKey = 'the-second-key'

const serviceOf = ({ team }: DemoScene): Service => {
  if (team.stack.render === null) throw new Error('there is no local Render')
  return team.stack.render.service(service)
}

/** Whether the service runs this image, with this key and what somebody set there by hand. */
const serves = (scene: DemoScene, digest: string, key: string): boolean => {
  const serving = serviceOf(scene).serving()
  return (
    serving?.sha === digest &&
    serving.env['SECRET_KEY'] === key &&
    serving.env['SET_BY_HAND'] === 'and left alone'
  )
}

const play = (
  scene: DemoScene,
  title: string,
  act: Parameters<typeof playAct>[3],
): Promise<Act> => {
  const describeNewest = (): string | null => {
    const newest = serviceOf(scene).deploys().at(-1)
    return newest === undefined ? null : `Render: ${newest.id.slice(0, 10)} ${newest.status}`
  }
  return playAct(scene, title, describeNewest, act)
}

const deployFirst = (scene: DemoScene): Promise<Act> =>
  play(scene, 'A green commit goes to Render, by its digest', async () => {
    serviceOf(scene).env.set('SET_BY_HAND', 'and left alone')
    const { digest, deployment } = await release(scene, 'shop 1', 1)
    return {
      ok: deployment.status === 'succeeded' && serves(scene, digest, firstKey),
      deployment,
      says: `Render runs ${short(digest)} with the app's secret; what was set by hand is left alone`,
    }
  })

const deployNext = (scene: DemoScene): Promise<Act> =>
  play(scene, 'The next commit, with a rotated secret', async () => {
    await rotateSecret(scene, secret, secondKey)
    const { digest, deployment } = await release(scene, 'shop 2', 2)
    return {
      ok: deployment.status === 'succeeded' && serves(scene, digest, secondKey),
      deployment,
      says: `Render runs ${short(digest)} with the new key`,
    }
  })

/** The local Render is told to be unable to. */
const refuseBroken = (scene: DemoScene): Promise<Act> =>
  play(scene, 'A commit whose image Render cannot pull', async () => {
    const { settings } = serviceOf(scene)
    const before = serviceOf(scene).serving()?.sha ?? ''
    settings.courseOf = ({ ref }) =>
      ref?.endsWith(before) === true ? null : { kind: 'build_failed' }
    const { deployment } = await release(scene, 'shop 3', 3)
    settings.courseOf = () => null
    scene.screen.say(`  | ${deployment.message ?? ''}`)
    return {
      ok:
        deployment.status === 'failed' &&
        deployment.reason === 'pull_failed' &&
        serves(scene, before, secondKey),
      deployment,
      says: `failed (${deployment.reason ?? ''}); ${short(before)} serves on`,
    }
  })

const goBack = (scene: DemoScene): Promise<Act> =>
  play(scene, 'Back by a person’s word', async () => {
    const { team, screen } = scene
    screen.say(`npx sls invoke -f rollback -d '{"app":"${app}"}'`)
    const printed = await invokeBySls(team, 'rollback', { app })
    const deployment = await team.operators.waitForEnd(app, 4)
    const first = (await team.operators.status(app)).deployments.find((one) => one.generation === 1)
    return {
      ok:
        printed.includes('accepted') &&
        deployment.kind === 'rollback' &&
        deployment.status === 'succeeded' &&
        serves(scene, first?.digest ?? '', firstKey),
      deployment,
      says: `Render runs ${short(first?.digest)} again, with the first key`,
    }
  })

export const renderActs = [deployFirst, deployNext, refuseBroken, goBack]
