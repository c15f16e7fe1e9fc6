import { composeAlarm } from '../src/compose/alarm.ts'

export const handler = composeAlarm()
