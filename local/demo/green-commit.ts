import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Behaviour } from '../docker/images.ts'
import type { ShownDeployment } from '../team/operators.ts'
import { toCommit, type Team } from '../team/team.ts'
import type { Screen } from './screen.ts'

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
