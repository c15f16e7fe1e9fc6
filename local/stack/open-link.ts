import * as z from 'zod'
import type { Stack } from './stack.ts'

const Opened = z.object({ url: z.url() })

/** A one-time link to the page of the stack, made by the function `open`. */
export const openLink = async ({ runner }: Pick<Stack, 'runner'>, by: string): Promise<string> => {
  const { payload } = await runner.invoke('landfall-local-open', JSON.stringify({ by }))
  return Opened.parse(JSON.parse(payload)).url
}
