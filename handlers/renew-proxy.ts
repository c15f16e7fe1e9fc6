import { environments, readEnvironment } from '../src/config/environment.ts'
import { createRenewalRequests } from '../src/journal/renewals.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock as clock } from '../src/kernel/clock.ts'
import { Digest } from '../src/kernel/id.ts'
import { lambda } from '../src/lambda.ts'
import { OperatorInput } from '../src/rollout/operator.ts'
import { answerRenewal } from '../src/rollout/renewal.ts'

/** `npx sls invoke -f renew-proxy -d '{"by":"ada"}'` */
const RenewProxyEvent = OperatorInput.omit({ app: true }).extend({ digest: Digest.optional() })

const compose = () => {
  const { TABLE_NAME } = readEnvironment(environments['renew-proxy'])
  return { apps: [], ...createRenewalRequests(createJournalTable(TABLE_NAME)), clock }
}

export const handler = lambda('renew-proxy', compose, (services, input) =>
  answerRenewal(RenewProxyEvent, input, services),
)
