import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../local/docker/free-port.ts'
import { ensurePrograms, findProgram, programs } from '../../local/docker/packages.ts'
import { waitUntil } from './local-aws.ts'

export interface Balancer {
  readonly url: string
  stop(): Promise<void>
}

/**
 * A load balancer in front of a fleet: each request to the next instance, and none tried again
 * elsewhere, so that what one instance fails a user sees. It takes no instance out by itself.
 */
export const startBalancer = async (
  directory: string,
  addresses: readonly string[],
  port: number,
): Promise<Balancer> => {
  const own = await freePort()
  const file = join(directory, 'balancer.cfg')
  const servers = addresses.map((address, index) => `  server i${index} ${address}:${port}`)
  writeFileSync(
    file,
    `defaults
  mode http
  retries 0
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen balancer
  bind 127.0.0.1:${own}
  balance roundrobin
${servers.join('\n')}
`,
  )
  await ensurePrograms([programs.haproxy])
  const child = spawn(findProgram('haproxy') ?? '', ['-db', '-f', file], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${own}/`
  const answers = async () => (await fetch(url).catch(() => null)) !== null
  await waitUntil(answers, 'the balancer answers')
  return {
    url,
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}
