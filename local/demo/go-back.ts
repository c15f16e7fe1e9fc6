import { toCommit } from '../team/team.ts'
import type { Act } from './act.ts'
import { runLocally } from './command-line.ts'
import { app, underLoad, waitForAnswer, type Stage } from './stage.ts'

/** The command line that README shows. */
const invokeBySls = ({ team }: Stage, name: string, input: unknown): Promise<string> => {
  const { region } = team.stack.client
  const options = ['--stage', 'local', '--region', region, '-d', JSON.stringify(input)]
  return runLocally(team, 'npx', ['sls', 'invoke', '-f', name, ...options])
}

/** A person doubts what is live: to the release before it, without naming it. */
export const goBack = async (stage: Stage): Promise<Act> => {
  const { screen, port, team } = stage
  const act = await underLoad(stage, { title: 'Back by a person’s word' }, async () => {
    screen.say(`npx sls invoke -f rollback -d '{"app":"${app}"}'`)
    const askedAt = Date.now()
    const served = waitForAnswer(port, 'shop 3').then(() => Date.now())
    const printed = await invokeBySls(stage, 'rollback', { app }).catch((error: unknown) => {
      served.catch(() => undefined)
      throw error
    })
    const servedAt = await served
    const deployment = await team.operators.waitForEnd(app, 6)
    const { live } = await team.operators.status(app)
    const sinceOpened = (servedAt - Date.parse(deployment.openedAt)) / 1000
    return {
      ok:
        printed.includes('accepted') &&
        deployment.kind === 'rollback' &&
        deployment.status === 'succeeded' &&
        live?.commit === toCommit('shop 3'),
      seconds: (servedAt - askedAt) / 1000,
      deployment,
      says: `shop 3 serves again, ${sinceOpened.toFixed(1)} s after the rollback was opened; the rest is sls`,
    }
  })
  return { ...act, ok: act.ok && act.load.failed === 0 }
}
