import * as z from 'zod'
import { LandfallFile } from './schema.ts'

/** `landfall.yml` for editors: the same schema that it is checked by. */
export const renderJsonSchema = (): string => {
  const schema = z.toJSONSchema(LandfallFile, { io: 'input', target: 'draft-7', reused: 'inline' })
  return `${JSON.stringify({ ...schema, title: 'landfall.yml' }, null, 2)}\n`
}
