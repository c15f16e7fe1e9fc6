import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../local/docker/packages.ts'

/**
 * The environment of a machine whose Docker Engine stands at its usual place, as systemd would start it, with
 * the programs in `bin` before its own. Where the tests use an engine elsewhere, its `docker` leads there.
 */
export const usualEngine = (bin: string): Readonly<Record<string, string>> => {
  const PATH = `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`
  const { DOCKER_HOST: host } = process.env
  if (host === undefined) return { PATH }
  const script = `#!/bin/sh\nDOCKER_HOST='${host}' exec ${findProgram('docker') ?? ''} "$@"\n`
  writeFileSync(join(bin, 'docker'), script, { mode: 0o755 })
  return { PATH, DOCKER_HOST: '' }
}
