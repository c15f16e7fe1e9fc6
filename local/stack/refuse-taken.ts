import { createServer } from 'node:net'
import { tellTakenState } from '../base/holder.ts'
import { listen, StartError } from '../base/listen.ts'

/** Of each port, whose it is where it is taken: told before anything is started. */
export const refuseTakenPorts = async (ports: readonly number[]): Promise<void> => {
  for (const port of ports) {
    const server = createServer()
    await listen(server, port)
    await new Promise((resolve) => server.close(resolve))
  }
}

/** One database, one stack: a second one on the same state would break it. */
export const refuseTakenState = (state: string): void => {
  const taken = tellTakenState(state)
  if (taken !== null) throw new StartError(taken)
}
