import { deployAnother } from './deployment.ts'
import { startProber } from './prober.ts'
import { print, type Figure } from './report.ts'
import { median, toSeconds } from './statistics.ts'
import type { BenchTeam } from './team.ts'

const rounds = 5
const barMilliseconds = 3000

/** Commits of the live release and of the one before it. */
const findPair = async (team: BenchTeam) => {
  const { live, deployments } = await team.operators.status(team.app)
  const earlier = deployments.find(
    ({ status, generation }) =>
      status === 'succeeded' && generation === (live?.generation ?? 0) - 1,
  )
  if (live === null || live.commit === null || earlier === undefined || earlier.commit === null)
    throw new Error('there is no earlier release to go back to')
  return { generation: live.generation, earlier: earlier.commit }
}

/** Back to the earlier release, whose image is still on the host: from the invoke to its first answer. */
const goBack = async (team: BenchTeam): Promise<number> => {
  const { generation, earlier } = await findPair(team)
  const prober = await startProber(`http://127.0.0.1:${team.port}/`, earlier)
  try {
    const askedAt = Date.now()
    await team.operators.invoke('redeploy', { app: team.app, revision: earlier, force: true })
    const ended = await team.operators.waitForEnd(team.app, generation + 1)
    if (ended.status !== 'succeeded') throw new Error(`${ended.reason} ${ended.message ?? ''}`)
    return (await prober.seenAt) - askedAt
  } finally {
    prober.stop()
  }
}

/** Forth and back between the two newest releases. */
export const measureRollback = async (
  team: BenchTeam,
  base: string,
): Promise<readonly Figure[]> => {
  await deployAnother(team, base)
  const milliseconds: number[] = []
  for (let round = 1; round <= rounds; round += 1) {
    print(`rollback: round ${round} of ${rounds}`)
    milliseconds.push(await goBack(team))
  }
  return [
    {
      what: 'redeploy of the earlier image, invoke to answer',
      measured: toSeconds(milliseconds),
      bar: `< ${barMilliseconds / 1000} s`,
      isKept: median(milliseconds) < barMilliseconds,
    },
  ]
}
