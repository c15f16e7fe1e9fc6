import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { docker } from '../../local/docker/docker.ts'

const describeFile = (path: string): string => {
  const { mtimeMs, mode, size } = lstatSync(path)
  const content = lstatSync(path).isFile()
    ? createHash('sha256').update(readFileSync(path)).digest('hex')
    : ''
  return [path, mtimeMs, mode, size, content].join(' ')
}

/** Every file and directory with its time, mode and content: one that came and went moves its directory's time. */
const listFiles = (root: string): readonly string[] =>
  existsSync(root)
    ? [
        root,
        ...readdirSync(root, { recursive: true, encoding: 'utf8' }).map((one) => join(root, one)),
      ]
        .toSorted()
        .map(describeFile)
    : []

const listings: readonly (readonly string[])[] = [
  [
    'ps',
    '--all',
    '--no-trunc',
    '--format',
    '{{.ID}} {{.Names}} {{.State}} {{.Ports}} {{.Networks}}',
  ],
  ['network', 'ls', '--no-trunc', '--format', '{{.ID}} {{.Name}}'],
  [
    'images',
    '--all',
    '--no-trunc',
    '--digests',
    '--format',
    '{{.ID}} {{.Repository}} {{.Tag}} {{.Digest}}',
  ],
  ['volume', 'ls', '--format', '{{.Name}}'],
]

/** All that a host script could leave: the state below `root`, and what the engine has. */
export const traceHost = async (root: string): Promise<readonly string[]> => {
  const engine = await Promise.all(listings.map((args) => docker(args)))
  return [...listFiles(root), ...engine.flatMap((listing) => listing.split('\n').toSorted())]
}
