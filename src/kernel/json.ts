import type * as z from 'zod'

/** JSON, as text or bytes, parsed by the schema; null where it is not JSON or does not match. */
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
