import { writeFileSync } from 'node:fs'
import { renderJsonSchema } from '../src/config/schema.ts'

// `npm run schema`
writeFileSync(new URL('../docs/landfall.schema.json', import.meta.url), renderJsonSchema())
