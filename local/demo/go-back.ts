import { toCommit } from '../team/team.ts'
import type { Act } from './act.ts'
import { invokeBySls } from './command-line.ts'
import { app, underLoad, waitForAnswer, type Stage } from './stage.ts'

/** A person doubts what is live: to the release before it, without naming it. */
export const goBack = async (stage: Stage): Promise<Act> => {
  const { screen, port, team } = stage
  const act = await underLoad(stage, { title: 'Back by a person’s word' }, async () => {
    screen.say(`npx sls invoke -f rollback -d '{"app":"${app}"}'`)
    const askedAt = Date.now()
    const served = waitForAnswer(port, 'shop 3').then(() => Date.now())
    const printed = await invokeBySls(team, 'rollback', { app }).catch((error: unknown) => {
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
