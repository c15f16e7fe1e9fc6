import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Behaviour } from '../docker/images.ts'
import type { ShownDeployment } from '../team/operators.ts'
import { startTeam, toCommit, type Team, type TeamOptions } from '../team/team.ts'
import type { Act } from './act.ts'
import { playInOrder, type Stay } from './play.ts'
import type { Screen } from './screen.ts'
import { secondsSince } from './stage.ts'

export interface DemoScene {
  readonly team: Team
  readonly screen: Screen
}

const image = 'acme/demo-shop'

export const short = (text: string | null | undefined): string => text?.slice(0, 15) ?? 'nothing'

/** The image is pushed, CI turns green: one signed webhook does the rest. */
export const release = async (
  { team, screen }: DemoScene,
  version: string,
  generation: number,
  behaviour: Partial<Behaviour> = {},
): Promise<{ digest: string; deployment: ShownDeployment }> => {
  const commit = toCommit(version)
  const digest = await team.pushImage(image, commit, { VERSION: version, ...behaviour })
  const told = await team.endCi({ repository: image, commit })
  screen.say(
    `GitHub says that CI is green for ${commit.slice(0, 7)}: ${told.status} ${told.outcome}`,
  )
  return { digest, deployment: await team.operators.waitForEnd('demo-shop', generation) }
}

export const rotateSecret = async (
  { team }: DemoScene,
  SecretId: string,
  key: string,
): Promise<void> => {
  const client = new SecretsManagerClient(team.stack.client)
  const SecretString = JSON.stringify({ SECRET_KEY: key })
  await client.send(new PutSecretValueCommand({ SecretId, SecretString }))
}

/** Plays one act; meanwhile each new line about the service's newest release is said. */
export const playAct = async (
  { screen }: DemoScene,
  title: string,
  describeNewest: () => string | null,
  act: () => Promise<Omit<Act, 'title' | 'load' | 'seconds'>>,
): Promise<Act> => {
  screen.begin(title)
  const begun = performance.now()
  let said = ''
  const timer = setInterval(() => {
    const line = describeNewest() ?? ''
    if (line !== '' && line !== said) screen.say(line)
    said = line
  }, 200)
  try {
    const played = await act()
    return { title, load: null, seconds: secondsSince(begun), ...played }
  } finally {
    clearInterval(timer)
  }
}

/** Plays the acts with a team that deploys to a service. */
export const playAtService = async (
  screen: Screen,
  options: Omit<TeamOptions, 'say'>,
  acts: readonly ((scene: DemoScene) => Promise<Act>)[],
  stay: Stay,
): Promise<readonly Act[]> => {
  const team = await startTeam({ ...options, say: screen.say })
  try {
    const played = await playInOrder(acts, { team, screen })
    await stay(team.stack, played)
    return played
  } finally {
    await team.stop()
  }
}
