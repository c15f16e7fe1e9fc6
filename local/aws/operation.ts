import * as z from 'zod'
import type { Principal } from './credentials.ts'

/** An error as AWS answers it: `code` is the `__type` of the JSON protocols and the `Code` of the XML ones. */
export class AwsError extends Error {
  readonly code: string
  readonly statusCode: number

  constructor(code: string, message: string, statusCode = 400) {
    super(message)
    this.name = 'AwsError'
    this.code = code
    this.statusCode = statusCode
  }
}

/** One API operation: parsed input in, plain data out (or a promise of it); `Date`s are rendered as the protocol wants. */
export type Operation = (input: unknown, caller: Principal) => unknown

export type Operations = Readonly<Record<string, Operation>>

export const operation =
  <Schema extends z.ZodType>(
    schema: Schema,
    act: (input: z.output<Schema>, caller: Principal) => unknown,
  ): Operation =>
  (input, caller) => {
    const parsed = schema.safeParse(input)
    if (!parsed.success) throw new AwsError('ValidationException', z.prettifyError(parsed.error))
    return act(parsed.data, caller)
  }

/** A page of `items` from the token on; the token is the offset, in base64 so that no caller reads it as one. */
export const paginate = <Item>(
  items: readonly Item[],
  size: number,
  token: string | undefined,
): { readonly page: readonly Item[]; readonly next: string | undefined } => {
  const start = token === undefined ? 0 : Number(Buffer.from(token, 'base64').toString())
  if (!Number.isInteger(start)) throw new AwsError('InvalidNextToken', 'The token is not valid.')
  const end = start + size
  const next = end < items.length ? Buffer.from(String(end)).toString('base64') : undefined
  return { page: items.slice(start, end), next }
}
