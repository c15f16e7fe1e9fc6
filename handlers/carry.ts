import { createEcrLogins } from '../src/aws/ecr.ts'
import { createSecretReader } from '../src/aws/secrets-manager.ts'
import { createCarry } from '../src/carry/carry.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { createCarryRecords } from '../src/journal/carries.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { every, systemClock as clock } from '../src/kernel/clock.ts'
import { http, openHttp } from '../src/kernel/http.ts'
import { newNonce as newRun } from '../src/kernel/id.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { createReadLogin } from '../src/registry/login.ts'
import { CarryOrder } from '../src/targets/carry.ts'

const maxImageBytes = 4_000_000_000
/** Lambda ends the function after 900 s: the rest is for what begins before and is noted after. */
const runMilliseconds = 840_000

const compose = (log: Log) => {
  const environment = readEnvironment(environments.carry)
  const records = createCarryRecords(createJournalTable(environment.TABLE_NAME))
  const readSecret = createSecretReader()
  return createCarry({
    http,
    openHttp,
    readSecret,
    readLogin: createReadLogin(readSecret, createEcrLogins(clock)),
    records,
    registry: environment.HEROKU_REGISTRY,
    clock,
    every,
    newRun,
    log,
    maxImageBytes,
    runMilliseconds,
  })
}

export const handler = lambda('carry', compose, (services, event) =>
  services()(CarryOrder.parse(event)),
)
