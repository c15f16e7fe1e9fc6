import { docker } from '../../local/docker/docker.ts'
import { waitFor } from '../support/wait.ts'
import { ask } from './load.ts'

const waitForLine = (container: string, line: string): Promise<void> =>
  waitFor(`${container} prints: ${line}`, async () => {
    const log = await docker(['logs', container]).catch(() => '')
    return log.includes(line)
  })

export const waitUntilListening = (container: string): Promise<void> =>
  waitForLine(container, 'listens on')

/** A request to a demo app, or its start, that goes on once the test lets it go. */
export const waitUntilHeld = (container: string, what: 'a request' | 'the start'): Promise<void> =>
  waitForLine(container, `${what} is held`)

export const letGo = (container: string): Promise<string> =>
  docker(['kill', '--signal', 'USR2', container])

/** A request that its app has got, and will not answer before it is let go. */
export const askHeld = async (
  port: number,
  container: string,
): Promise<{ readonly answer: Promise<string> }> => {
  const answer = ask(port, { path: '/held' })
  // A test that awaits it hears of its failure; until then it is no unhandled one.
  answer.catch(() => undefined)
  await waitUntilHeld(container, 'a request')
  return { answer }
}
