import { rmSync } from 'node:fs'
import { connect, createServer, type NetConnectOpts, type Server } from 'node:net'

/** Each connection to `server` goes on to `target`, both ways, until either side ends it. */
export const forwardTo = (server: Server, target: NetConnectOpts): Server =>
  server.on('connection', (incoming) => {
    const outgoing = connect(target)
    incoming.on('error', () => outgoing.destroy()).pipe(outgoing)
    outgoing.on('error', () => incoming.destroy()).pipe(incoming)
  })

/** A socket file that every namespace can reach, in front of a port of this machine's loopback. */
export const openSocket = (path: string, port: number): Server => {
  rmSync(path, { force: true })
  return forwardTo(createServer(), { host: '127.0.0.1', port }).listen(path)
}
