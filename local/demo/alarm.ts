import type { TeamAlarm } from '../team/alarm.ts'
import type { Team } from '../team/team.ts'
import { runLocally } from './command-line.ts'

const setByCommandLine = async (team: Team, name: string): Promise<boolean> => {
  const { endpoint } = team.stack.client
  const order = ['--alarm-name', name, '--state-value', 'ALARM', '--state-reason', 'the demo']
  const line = ['--endpoint-url', endpoint, 'cloudwatch', 'set-alarm-state', ...order]
  return runLocally(team, 'aws', line).then(
    () => true,
    () => false,
  )
}

/**
 * Sets the alarm off, with the `aws` command line where one works, otherwise by the same call of the
 * SDK. When it went off, in milliseconds, and who set it off.
 */
export const setOff = async (
  team: Team,
  alarm: TeamAlarm,
): Promise<{ readonly at: number; readonly by: string }> => {
  const isSet = await setByCommandLine(team, alarm.name)
  if (!isSet) await alarm.set('ALARM')
  const by = isSet ? 'by the aws command line' : 'by the SDK: no aws command line works here'
  return { at: await alarm.readSince(), by }
}
