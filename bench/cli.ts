import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Figure } from './report.ts'
import { median, toMilliseconds } from './statistics.ts'
import type { BenchTeam } from './team.ts'

const project = join(import.meta.dirname, '..')
const sls = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')
const landfall = join(project, 'bin/landfall.mjs')

const rounds = 7
const barMilliseconds = 600
const barShare = 1 / 5
const barBytes = 900_000

/** From the start of the process to its end, which is behind its last byte. */
const time = async (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> => {
  const begun = performance.now()
  await promisify(execFile)(process.execPath, [...args], { cwd: project, env })
  return performance.now() - begun
}

/** `landfall status` beside `sls invoke -f status`, in turn, against the same function. */
export const measureCli = async ({
  app,
  configuration,
  stack,
}: BenchTeam): Promise<readonly Figure[]> => {
  const { endpoint, region, credentials } = stack.client
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: region,
    LANDFALL_CONFIG: configuration,
    LANDFALL_STAGE: 'local',
  }
  const input = JSON.stringify({ app })
  const options = ['--stage', 'local', '--region', region, '-d', input]
  const ours: number[] = []
  const theirs: number[] = []
  const version: number[] = []
  // The first round makes the bundle, and warms the function.
  for (let round = 0; round <= rounds; round += 1) {
    const took = [
      await time([landfall, 'status', app], env),
      await time([sls, 'invoke', '-f', 'status', ...options], env),
      await time([landfall, '--version'], env),
    ] as const
    if (round === 0) continue
    ours.push(took[0])
    theirs.push(took[1])
    version.push(took[2])
  }
  const share = median(ours) / median(theirs)
  const { size } = statSync(join(project, 'dist/landfall.mjs'))
  return [
    {
      what: 'landfall status, process start to end',
      measured: toMilliseconds(ours),
      bar: `<= ${barMilliseconds} ms`,
      isKept: median(ours) <= barMilliseconds,
      isClaim: true,
    },
    { what: 'sls invoke -f status', measured: toMilliseconds(theirs) },
    {
      what: 'landfall status over sls invoke',
      measured: `1/${(1 / share).toFixed(1)}`,
      bar: `<= 1/${1 / barShare}`,
      isKept: share <= barShare,
      isClaim: true,
    },
    { what: 'landfall --version, which calls nothing', measured: toMilliseconds(version) },
    {
      what: 'the bundle of landfall',
      measured: `${(size / 1000).toFixed(0)} kB`,
      bar: `<= ${barBytes / 1000} kB`,
      isKept: size <= barBytes,
      isClaim: true,
    },
  ]
}
