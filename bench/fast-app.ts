import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyProgram } from '../local/docker/images.ts'
import { toLayer } from '../local/docker/layers.ts'
import { ensurePrograms, findProgram, programs } from '../local/docker/packages.ts'
import { pushImage } from '../local/docker/registry-push.ts'

const settings = `defaults
  mode http
  timeout client 1m
frontend all
  bind :8000
  http-request return status 200 content-type text/plain string "fast"
`

/** Pushes an app that answers faster than any proxy passes on: HAProxy with an answer of its own. */
export const pushFastApp = async (name: string, tag: string): Promise<string> => {
  await ensurePrograms([programs.haproxy])
  const root = mkdtempSync(join(tmpdir(), 'landfall-fast-app-'))
  try {
    await copyProgram(root, findProgram(programs.haproxy.name) ?? '', '/haproxy')
    writeFileSync(join(root, 'settings.cfg'), settings)
    const config = { Cmd: ['/haproxy', '-db', '-f', '/settings.cfg'] }
    return await pushImage({ name, tag, layers: [toLayer(root)], config })
  } finally {
    rmSync(root, { recursive: true })
  }
}
