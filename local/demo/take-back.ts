import { setTimeout as sleep } from 'node:timers/promises'
import { createAlarm, type TeamAlarm } from '../team/alarm.ts'
import { toCommit } from '../team/team.ts'
import type { ShownStatus } from '../team/operators.ts'
import type { Act } from './act.ts'
import { setOff } from './alarm.ts'
import {
  alarmName,
  app,
  calmMilliseconds,
  image,
  release,
  underLoad,
  waitForAnswer,
  type Stage,
} from './stage.ts'

const bad = 'shop 6'
const commit = toCommit(bad)
const badAnswer = `${bad} is broken`
const generations = { bad: 4, back: 5 }

/** From the alarm's own timestamp to the first answer of the release before. */
const takeBack = async ({ team, screen, port }: Stage, alarm: TeamAlarm): Promise<number> => {
  const served = waitForAnswer(port, 'shop 4').then(() => Date.now())
  screen.say(`aws cloudwatch set-alarm-state --alarm-name ${alarm.name} --state-value ALARM`)
  const { at, by } = await setOff(team, alarm)
  const seconds = ((await served) - at) / 1000
  screen.say(`the alarm was set off ${by}; shop 4 answers ${seconds.toFixed(2)} s later`)
  return seconds
}

/** The very same delivery once more, as a sender repeats it, or somebody who has recorded it. */
const replay = async (
  { team, screen }: Stage,
  run: { runNumber: number; createdAt: Date },
): Promise<ShownStatus> => {
  const { status, outcome, reason } = await team.endCi({ repository: image, commit, ...run })
  await sleep(calmMilliseconds)
  const after = await team.operators.status(app)
  screen.say(
    `the webhook of ${commit.slice(0, 7)} once more: ${status} ${outcome} (${reason}); the newest deployment is #${after.deployments[0]?.generation ?? 0}`,
  )
  return after
}

const isNothingNew = ({ open, waiting, live, deployments }: ShownStatus): boolean =>
  open === null &&
  waiting.length === 0 &&
  live?.commit === toCommit('shop 4') &&
  deployments[0]?.generation === generations.back

/** What no health check sees, and an alarm does. */
export const takeBackByAlarm = async (stage: Stage): Promise<Act> => {
  const { team, screen } = stage
  const digest = await team.pushImage(image, commit, { VERSION: bad, FAULT: 'answers_500' })
  const alarm = await createAlarm(team, alarmName)
  const run = { runNumber: 4, createdAt: new Date() }
  const title = 'Healthy, but its users get 500: an alarm takes it back'
  const act = await underLoad(stage, { title, ownError: badAnswer }, async () => {
    await release(stage, bad, generations.bad, { answer: badAnswer, ...run })
    screen.say(`#${generations.bad} succeeded: /healthz is well, everybody else gets 500`)
    const seconds = await takeBack(stage, alarm)
    const deployment = await team.operators.waitForEnd(app, generations.back)
    screen.say(`#${generations.back} is a ${deployment.kind} by ${deployment.by}`)
    const after = await replay(stage, run)
    const { quarantine } = after
    const short = quarantine
      .map((one) => (typeof one === 'string' ? one : one.digest).slice(0, 15))
      .join(', ')
    screen.say(`quarantined: ${short}`)
    const left = after.deployments.find(({ generation }) => generation === generations.bad)
    return {
      ok:
        deployment.kind === 'rollback' &&
        deployment.status === 'succeeded' &&
        deployment.by === `alarm ${alarmName}` &&
        left?.status === 'rolled_back' &&
        quarantine.includes(commit) &&
        quarantine.includes(digest) &&
        isNothingNew(after),
      seconds,
      deployment,
      says: `shop 4 serves again; #${generations.bad} is ${left?.status ?? 'gone'}, and stays out`,
    }
  })
  return { ...act, ok: act.ok && act.load.failed === 0 && act.load.ownErrors > 0 }
}
