import type { Findings } from './findings.ts'
import { gather, warned, when } from './findings.ts'
import type { Path } from './mistake.ts'
import type { AppFile } from './schema.ts'

const nothingYet = (path: Path, what: string): Findings =>
  warned(path, `is checked, and does nothing yet: ${what}`)

/** Who writes a setting relies on it: each that this version accepts and does not act on is named. */
export const checkUnbuilt = (path: Path, app: AppFile): Findings =>
  gather(
    app.targets.flatMap((target, index) => [
      when(
        target.heroku !== undefined,
        nothingYet([...path, 'targets', index, 'heroku'], 'every deployment of this app fails'),
      ),
    ]),
  )
