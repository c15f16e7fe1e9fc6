import * as z from 'zod'
import { Commit, Digest, Generation } from '../kernel/id.ts'
import { liveRelease } from '../deployment/head.ts'
import { openDeployment, releaseToBringBack } from '../deployment/operate.ts'
import type { Operated } from '../rollout/operate.ts'
import { composeOperate, OperatorInput } from './operate.ts'

/** `npx sls invoke -f rollback -d '{"app":"shop"}'`; `to` is a deployment's number, a commit or a digest. */
const Input = OperatorInput.extend({
  to: z
    .union([Generation, Commit, Digest], {
      error: "the number of a deployment, a full commit or a digest, of status' `releases`",
    })
    .optional(),
})

/** What is left, and what it goes back to. */
const show = ({ head }: Operated) => {
  const aim = openDeployment(head) === null ? releaseToBringBack(head) : liveRelease(head)
  return {
    takesBack: head.rollback?.generation ?? null,
    to:
      aim === null ? null : { generation: aim.generation, commit: aim.commit, digest: aim.digest },
  }
}

/** The handler of `rollback`. */
export const composeRollback = (): ((input: unknown) => Promise<unknown>) =>
  composeOperate(
    'rollback',
    Input,
    ({ to }) => ({ kind: 'rollback', to: to ?? null }),
    'requested',
    show,
  )
