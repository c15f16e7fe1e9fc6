import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { inflateRawSync } from 'node:zlib'

const endSignature = 0x06054b50
const entrySignature = 0x02014b50

interface Entry {
  readonly name: string
  readonly bytes: Buffer
}

const readEntry = (zip: Buffer, at: number): Entry => {
  const method = zip.readUInt16LE(at + 10)
  const size = zip.readUInt32LE(at + 20)
  const name = zip.toString('utf8', at + 46, at + 46 + zip.readUInt16LE(at + 28))
  const local = zip.readUInt32LE(at + 42)
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  const data = zip.subarray(start, start + size)
  return { name, bytes: method === 0 ? data : inflateRawSync(data) }
}

/** The files of a zip by its central directory (APPNOTE.TXT 4.3.12); stored and deflated, no zip64. */
const readEntries = (zip: Buffer): readonly Entry[] => {
  let end = zip.length - 22
  while (end >= 0 && zip.readUInt32LE(end) !== endSignature) end -= 1
  if (end < 0) throw new Error('Not a zip file')
  const entries: Entry[] = []
  let at = zip.readUInt32LE(end + 16)
  while (zip.readUInt32LE(at) === entrySignature) {
    entries.push(readEntry(zip, at))
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return entries
}

export const unzip = (path: string, directory: string): void => {
  for (const { name, bytes } of readEntries(readFileSync(path))) {
    const target = join(directory, normalize(`/${name}`))
    if (name.endsWith('/')) continue
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, bytes)
  }
}
