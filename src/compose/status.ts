import * as z from 'zod'
import { environments, readEnvironment } from '../config/environment.ts'
import { loadConfiguration } from '../config/load.ts'
import { createHeads } from '../journal/heads.ts'
import { createHistory } from '../journal/history.ts'
import { createRevisions } from '../journal/revisions.ts'
import { createSeen } from '../journal/seen.ts'
import { createJournalTable } from '../journal/table.ts'
import { systemClock } from '../kernel/clock.ts'
import { createStatus } from '../rollout/status.ts'
import { observe } from './observe.ts'
import { findApp, parseInput } from './operator.ts'

/** `npx sls invoke -f status -d '{"app":"shop"}'`; without an app, all of them. */
const Input = z.strictObject({ app: z.string().optional() })

const composeServices = () => {
  const table = createJournalTable(readEnvironment(environments.status).TABLE_NAME)
  const status = createStatus({
    heads: createHeads(table),
    revisions: createRevisions(table),
    history: createHistory(table),
    seen: createSeen(table),
    clock: systemClock,
  })
  return { status, configuration: loadConfiguration() }
}

/** The handler of `status`. */
export const composeStatus = (): ((input: unknown) => Promise<unknown>) =>
  observe('status', () => {
    let services: ReturnType<typeof composeServices> | null = null
    return async (given) => {
      const input = parseInput(Input, given)
      if (!input.ok) return input.error
      services ??= composeServices()
      const { status, configuration } = services
      const { app: wanted } = input.value
      if (wanted === undefined)
        return { apps: await Promise.all(configuration.apps.map((app) => status(app.name, app))) }
      const app = findApp(configuration, wanted)
      return app.ok ? status(app.value.name, app.value) : app.error
    }
  })
