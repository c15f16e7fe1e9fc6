import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below the ports that Linux takes for its own connections (from 32,768 on): one of those may be taken
 * again before the caller listens.
 */
const firstPort = 20_000
const lastPort = 32_000
const mostTries = 100
const handedOut = new Set<number>()

const canListen = async (port: number): Promise<boolean> => {
  const server = createServer()
  try {
    await once(server.listen(port, '0.0.0.0'), 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

/** A port that no program listens on, and that this process has not been given before. */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const port = randomInt(firstPort, lastPort)
    if (handedOut.has(port) || !(await canListen(port))) continue
    handedOut.add(port)
    return port
  }
  throw new Error(`no free port between ${firstPort} and ${lastPort}`)
}
