import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { constants, gzipSync } from 'node:zlib'
import { toDigest, type Layer } from './registry-push.ts'

/** The same files make the same archive, whichever user made them and when. */
const archive = (directory: string): Buffer => {
  const facts = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']
  const { status, stdout, stderr } = spawnSync(
    'tar',
    [...facts, '-C', directory, '-cf', '-', '.'],
    {
      maxBuffer: 1024 ** 3,
    },
  )
  if (status !== 0) throw new Error(`tar: ${stderr.toString()}`)
  return stdout
}

/** The files below a directory as a layer, packed fast rather than small. */
export const toLayer = (directory: string): Layer => {
  const unpacked = archive(directory)
  const bytes = new Uint8Array(gzipSync(unpacked, { level: constants.Z_BEST_SPEED }))
  return { bytes, digest: toDigest(bytes), diffId: toDigest(unpacked) }
}

/** A layer without a file, for images that nothing runs: two empty blocks (POSIX ustar). */
export const createEmptyLayer = (): Layer => {
  const unpacked = new Uint8Array(1024)
  const bytes = new Uint8Array(gzipSync(unpacked))
  return { bytes, digest: toDigest(bytes), diffId: toDigest(unpacked) }
}

/** The layer that is kept in `directory`; `fill` makes its files where none is. */
export const keepLayer = async (
  directory: string,
  fill: (root: string) => Promise<void>,
): Promise<Layer> => {
  const packed = join(directory, 'layer.tar.gz')
  const diffIdFile = join(directory, 'diff-id')
  if (!existsSync(directory)) {
    mkdirSync(dirname(directory), { recursive: true })
    const building = mkdtempSync(`${directory}-`)
    const root = join(building, 'root')
    mkdirSync(root)
    await fill(root)
    const { bytes, diffId } = toLayer(root)
    rmSync(root, { recursive: true })
    writeFileSync(join(building, 'layer.tar.gz'), bytes)
    writeFileSync(join(building, 'diff-id'), diffId)
    // Another process may have been as fast.
    if (existsSync(directory)) rmSync(building, { recursive: true })
    else renameSync(building, directory)
  }
  const bytes = new Uint8Array(readFileSync(packed))
  return { bytes, digest: toDigest(bytes), diffId: readFileSync(diffIdFile, 'utf8') }
}
