import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort } from '../../local/docker/free-port.ts'

/** What Linux takes for its own connections begins here, unless told otherwise. */
const firstOfTheMachine = 32_768

test('a free port is none that the machine may take for a connection meanwhile', async () => {
  const ports = await Promise.all(Array.from({ length: 40 }, freePort))
  expect(Math.max(...ports)).toBeLessThan(firstOfTheMachine)
  expect(new Set(ports).size).toBe(40)
  const [port = 0] = ports
  const server = createServer()
  await once(server.listen(port, '0.0.0.0'), 'listening')
  server.close()
})
