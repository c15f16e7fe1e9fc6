import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Team } from '../team/team.ts'

/** A program of the user's own shell, against the local endpoint instead of their account. */
export const runLocally = async (
  { stack, configuration }: Team,
  program: string,
  args: readonly string[],
): Promise<string> => {
  const { endpoint, region, credentials } = stack.client
  const { AWS_PROFILE: _, ...own } = process.env
  const env = {
    ...own,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    // The first version of the aws command line knows no other name of it.
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    LANDFALL_CONFIG: configuration,
  }
  const { stdout } = await promisify(execFile)(program, [...args], { env, timeout: 600_000 })
  return stdout
}

/** The command line that README shows. */
export const invokeBySls = async (team: Team, name: string, input: unknown): Promise<string> => {
  const { region } = team.stack.client
  const options = ['--stage', 'local', '--region', region, '-d', JSON.stringify(input)]
  return runLocally(team, 'npx', ['sls', 'invoke', '-f', name, ...options])
}
