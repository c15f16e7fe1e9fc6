import { createServer } from 'node:net'
import { forwardTo } from './forward.ts'

// Runs inside a namespace: the registry's port on its loopback leads out through a socket file.
const [port, socket] = process.argv.slice(2)
if (port === undefined || socket === undefined) throw new Error('usage: forward-inside PORT SOCKET')
forwardTo(createServer(), { path: socket }).listen(Number(port), '127.0.0.1', () => {
  process.send?.('listening')
})
process.once('disconnect', () => process.exit(0))
