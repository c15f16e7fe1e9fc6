import type * as z from 'zod'

/** Text or bytes of JSON in the shape that is asked for; null where they hold anything else. */
export const parseJson = <Schema extends z.ZodType>(
  schema: Schema,
  json: string | Uint8Array,
): z.output<Schema> | null => {
  try {
    const text = typeof json === 'string' ? json : new TextDecoder().decode(json)
    return schema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
