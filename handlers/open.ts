import * as z from 'zod'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { createPageAccess } from '../src/journal/page-access.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock as clock } from '../src/kernel/clock.ts'
import { lambda } from '../src/lambda.ts'
import { answerOpen } from '../src/page/open.ts'
import { OperatorInput } from '../src/rollout/operator.ts'

/** `npx sls invoke -f open -d '{"by":"ada"}'`; to look only, for some days; or to end all that is open. */
const OpenEvent = OperatorInput.omit({ app: true, requestId: true })
  .extend({
    viewOnly: z.boolean().default(false),
    days: z.number().int().min(1).max(30).optional(),
    revoke: z.boolean().default(false),
  })
  .refine(({ days, viewOnly }) => days === undefined || viewOnly, {
    error: 'is for a link that only shows: add viewOnly',
    path: ['days'],
  })
  .refine(({ revoke, viewOnly }) => !(revoke && viewOnly), {
    error: 'ends every link and session: name nothing with it',
    path: ['revoke'],
  })

const compose = () => {
  const { API_URL: apiUrl, TABLE_NAME } = readEnvironment(environments.open)
  return { apps: [], access: createPageAccess(createJournalTable(TABLE_NAME)), apiUrl, clock }
}

export const handler = lambda('open', compose, (services, input) =>
  answerOpen(OpenEvent, input, services),
)
