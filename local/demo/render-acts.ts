import type { Service } from '../render/service.ts'
import type { Team } from '../team/team.ts'
import type { Act } from './act.ts'
import { invokeBySls } from './command-line.ts'
import { release, rotateSecret, short } from './green-commit.ts'
import type { Screen } from './screen.ts'
import { secondsSince } from './stage.ts'

export const app = 'demo-shop'
export const service = 'srv-demo0000000000000000'
export const secret = 'landfall/local/demo-shop'
export const firstKey = 'the-first-key'
const secondKey = 'the-second-key'

export interface RenderScene {
  readonly team: Team
  readonly screen: Screen
}

const serviceOf = ({ team }: RenderScene): Service => {
  if (team.stack.render === null) throw new Error('there is no local Render')
  return team.stack.render.service(service)
}

/** Whether the service runs this image, with this key and what somebody set there by hand. */
const serves = (scene: RenderScene, digest: string, key: string): boolean => {
  const serving = serviceOf(scene).serving()
  return (
    serving?.sha === digest &&
    serving.env['SECRET_KEY'] === key &&
    serving.env['SET_BY_HAND'] === 'and left alone'
  )
}

/** Says each status of the service's newest deploy, until it is told to stop. */
const watchStatus = (scene: RenderScene): (() => void) => {
  let said = ''
  const timer = setInterval(() => {
    const newest = serviceOf(scene).deploys().at(-1)
    const line = newest === undefined ? '' : `Render: ${newest.id.slice(0, 10)} ${newest.status}`
    if (line !== '' && line !== said) scene.screen.say(line)
    said = line
  }, 200)
  return () => clearInterval(timer)
}

const play = async (
  scene: RenderScene,
  title: string,
  act: () => Promise<Omit<Act, 'title' | 'load' | 'seconds'>>,
): Promise<Act> => {
  scene.screen.begin(title)
  const begun = performance.now()
  const stop = watchStatus(scene)
  try {
    const played = await act()
    return { title, load: null, seconds: secondsSince(begun), ...played }
  } finally {
    stop()
  }
}

const deployFirst = (scene: RenderScene): Promise<Act> =>
  play(scene, 'A green commit goes to Render, by its digest', async () => {
    serviceOf(scene).env.set('SET_BY_HAND', 'and left alone')
    const { digest, deployment } = await release(scene, 'shop 1', 1)
    return {
      ok: deployment.status === 'succeeded' && serves(scene, digest, firstKey),
      deployment,
      says: `Render runs ${short(digest)} with the app's secret; what was set by hand is left alone`,
    }
  })

const deployNext = (scene: RenderScene): Promise<Act> =>
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
const refuseBroken = (scene: RenderScene): Promise<Act> =>
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

const goBack = (scene: RenderScene): Promise<Act> =>
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
