import { expect, it } from 'vitest'
import * as z from 'zod'
import type { RenewalRequest } from '../../../src/deployment/proxy.ts'
import { Digest } from '../../../src/kernel/id.ts'
import { OperatorInput, repeated } from '../../../src/rollout/operator.ts'
import { answerRenewal } from '../../../src/rollout/renewal.ts'
import { start } from '../../support/deployments.ts'
import { digestAt } from '../../support/examples.ts'

const schema = OperatorInput.omit({ app: true }).extend({ digest: Digest.optional() })
const Answer = z.object({ outcome: z.string(), message: z.string() })

it('requests a renewal once for a requestId, and says so where it is repeated', async () => {
  const requests: RenewalRequest[] = []
  const request = async (one: RenewalRequest) => {
    const isNew = !requests.some(({ id }) => id === one.id)
    requests.push(one)
    return isNew
  }
  const ask = async (input: object) => {
    const load = () => ({ apps: [], request, clock: () => new Date(start) })
    return Answer.parse(await answerRenewal(schema, input, load))
  }
  const input = { by: 'ada', requestId: 'ticket-7', digest: digestAt(9) }
  const first = await ask(input)
  expect(requests).toEqual([{ id: 'ticket-7', by: 'ada', at: start, digest: digestAt(9) }])
  expect(first.outcome).toBe('accepted')
  expect(first.message).toContain('closed')
  expect(await ask(input)).toEqual({ outcome: 'accepted', message: repeated })
  expect(await ask({ app: 'oc-lettings' })).toMatchObject({ outcome: 'refused' })
})
