import * as z from 'zod'
import { environments, readEnvironment } from '../config/environment.ts'
import { loadConfiguration } from '../config/load.ts'
import { createHeads } from '../journal/heads.ts'
import { createHistory } from '../journal/history.ts'
import { createRevisions } from '../journal/revisions.ts'
import { createSeen } from '../journal/seen.ts'
import { createJournalTable } from '../journal/table.ts'
import { systemClock } from '../kernel/clock.ts'
import { RevisionId } from '../kernel/id.ts'
import { createStatus } from '../rollout/status.ts'
import { observe } from './observe.ts'
import { findApp, parseInput, refuse } from './operator.ts'

/** `npx sls invoke -f status -d '{"app":"shop"}'`; without an app, all of them; or one of its revisions. */
const Input = z
  .strictObject({ app: z.string().optional(), revision: RevisionId.optional() })
  .refine(({ app, revision }) => app !== undefined || revision === undefined, {
    error: 'a revision is of an app: name it',
    path: ['app'],
  })

const composeServices = () => {
  const table = createJournalTable(readEnvironment(environments.status).TABLE_NAME)
  const revisions = createRevisions(table)
  const status = createStatus({
    heads: createHeads(table),
    revisions,
    history: createHistory(table),
    seen: createSeen(table),
    clock: systemClock,
  })
  return { status, revisions, configuration: loadConfiguration() }
}

/** The handler of `status`. */
export const composeStatus = (): ((input: unknown) => Promise<unknown>) =>
  observe('status', () => {
    let services: ReturnType<typeof composeServices> | null = null
    return async (given) => {
      const input = parseInput(Input, given)
      if (!input.ok) return input.error
      services ??= composeServices()
      const { status, revisions, configuration } = services
      const { app: wanted, revision } = input.value
      if (wanted === undefined)
        return { apps: await Promise.all(configuration.apps.map((app) => status(app.name, app))) }
      const app = findApp(configuration, wanted)
      if (!app.ok) return app.error
      if (revision === undefined) return status(app.value.name, app.value)
      // Whatever became of it, with all the evidence that there is.
      return (await revisions.load(app.value.name, revision)) ?? refuse('revision_unknown')
    }
  })
