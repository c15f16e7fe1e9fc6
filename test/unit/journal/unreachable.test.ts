import { DynamoDBServiceException } from '@aws-sdk/client-dynamodb'
import { expect, test } from 'vitest'
import { reach } from '../../../src/journal/unreachable.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'

const answer = (name: string, httpStatusCode: number) =>
  new DynamoDBServiceException({
    name,
    message: 'no',
    $fault: httpStatusCode < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode },
  })
const named = (name: string) => Object.assign(new Error('no'), { name })
const coded = (code: string, error = new Error('no')) => Object.assign(error, { code })

test.each([
  ['a refused connection', coded('ECONNREFUSED')],
  ['a connection that broke', coded('ECONNRESET')],
  ['a name that does not resolve', coded('EAI_AGAIN')],
  ['no answer in time', named('TimeoutError')],
  ['an aborted call', named('AbortError')],
  ['an error of DynamoDB itself', answer('InternalServerError', 500)],
  ['an answer that is none', answer('SyntaxError', 503)],
  ['throttling', answer('ThrottlingException', 400)],
  ['throttling of the table', answer('ProvisionedThroughputExceededException', 400)],
])('%s becomes a retryable failure', async (_, error) => {
  const failed = reach(Promise.reject(error))
  await expect(failed).rejects.toBeInstanceOf(Retryable)
  await expect(failed).rejects.toMatchObject({ cause: error })
})

test.each([
  ['a missing right', answer('AccessDeniedException', 400)],
  ['a missing table', answer('ResourceNotFoundException', 400)],
  ['a wrong expression', answer('ValidationException', 400)],
  ['a bug', new TypeError('undefined is not a function')],
  ['a wrong argument', coded('ERR_INVALID_ARG_TYPE', new TypeError('no'))],
  ['an error of ours', new Error('too many conflicts')],
  ['what is no error', 'no'],
])('%s stays the same error', async (_, error) => {
  await expect(reach(Promise.reject(error))).rejects.toBe(error)
})

test('an answer is passed on', async () => {
  expect(await reach(Promise.resolve('recorded'))).toBe('recorded')
})
