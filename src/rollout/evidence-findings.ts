import type { Finding } from '../deployment/plan.ts'
import { knownOf } from '../deployment/repository.ts'
import type { AppFacts } from './plan-facts.ts'

/** What the deliveries have shown of the app's repository. */
export const judgeRepository = ({
  app,
  repository,
}: Pick<AppFacts, 'app' | 'repository'>): readonly Finding[] => {
  const known = knownOf(app, repository)
  if (known === null) return []
  const { id, renamed, refused } = known
  const warn = (message: string): Finding => ({ level: 'warning', what: 'repository', message })
  return [
    ...(renamed === null
      ? []
      : [
          warn(
            `GitHub calls ${app.repository} (id ${id}) ${renamed.name} now: its deliveries count, and what is reported there may not arrive; write repository: ${renamed.name}`,
          ),
        ]),
    ...(refused === null || refused.id === app.repositoryId
      ? []
      : [
          warn(
            `deliveries of another repository with the name ${app.repository} are refused: its id is ${refused.id}, last seen at ${refused.at}, and ${id} is the one that counts. If you have created it anew, write repositoryId: ${refused.id} beside repository`,
          ),
        ]),
    ...(renamed === null && refused === null
      ? [{ level: 'fine', what: 'repository', message: `${app.repository} is ${id}` } as const]
      : []),
  ]
}
