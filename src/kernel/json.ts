import * as z from 'zod'

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

// The third argument of a reviver, which TypeScript does not declare yet.
const WithSource = z.object({ source: z.string() })

/**
 * JSON whose numbers are texts, digit for digit: `1.0` and 20 digits would not come back from a number. Null where it is
 * no JSON.
 */
export const parseJsonAsWritten = (json: string): unknown => {
  try {
    return JSON.parse(json, (_key: string, value: unknown, ...[context]: readonly unknown[]) =>
      typeof value === 'number' ? WithSource.parse(context).source : value,
    )
  } catch {
    return null
  }
}
