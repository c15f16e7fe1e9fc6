import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { tellTakenPort, tellTakenState } from '../../local/base/holder.ts'
import { startTestAws } from '../support/local-aws.ts'
import { waitFor } from '../support/wait.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const hold = async (host: string): Promise<number> => {
  const server = createServer()
  servers.push(server)
  await once(server.listen(0, host), 'listening')
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

describe('a taken port', () => {
  it.each(['127.0.0.1', '0.0.0.0', '::1', '::'])('is told by its process on %s', async (host) => {
    const told = tellTakenPort(await hold(host))
    expect(told).toContain(`is taken by process ${process.pid}: `)
    expect(told).toMatch(/^[^\n]+; stop it or choose another port\.$/)
  })

  it('is no business of a process that listens on another address', async () => {
    const port = await hold('127.0.0.2')
    expect(tellTakenPort(port)).toBe(`Port ${port} is taken; choose another.`)
  })
})

describe('a state directory', () => {
  it('is told by the stack that runs on it, until that stack stops', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'landfall-holder-'))
    const test = await startTestAws({ directory: join(directory, 'aws') })
    // The database opens its files beside the first requests.
    await waitFor('the lock of the database', () => tellTakenState(directory) !== null)
    const told = tellTakenState(directory)
    expect(told).toContain(`A local stack runs with its state in ${directory} (process`)
    expect(told).toContain(`(process ${process.pid}: `)
    const link = `${directory}-link`
    symlinkSync(directory, link)
    expect(tellTakenState(link)).toContain(`its state in ${link} (process ${process.pid}: `)
    rmSync(link)
    const port = Number(new URL(test.aws.address).port)
    expect(tellTakenPort(port)).toContain(`by the local stack with its state in ${directory} (`)
    await test.stop()
    expect(tellTakenState(directory)).toBeNull()
    rmSync(directory, { recursive: true })
  })
})
