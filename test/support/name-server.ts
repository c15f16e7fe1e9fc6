import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { findProgram } from '../../local/docker/packages.ts'

/** Whether this process is in a network of its own (test/run/lane.ts), where an address can be added that the machine has not. */
export const isInLane = (): boolean =>
  (process.env['DOCKER_HOST'] ?? '').includes('/landfall-lane-')

const readNameServers = (): readonly string[] =>
  [...readFileSync('/etc/resolv.conf', 'utf8').matchAll(/^nameserver\s+([\d.]+)\s*$/gm)].map(
    ([, address = '']) => address,
  )

/** Where the question of a query ends: behind its name, its type and its class (RFC 1035 §4.1.2). */
const endOfQuestion = (query: Buffer): number => {
  let at = 12
  while ((query[at] ?? 0) !== 0) at += (query[at] ?? 0) + 1
  return at + 5
}

const nameOf = (query: Buffer): string => {
  const labels: string[] = []
  for (let at = 12; (query[at] ?? 0) !== 0; at += (query[at] ?? 0) + 1)
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)))
  return labels.join('.').toLowerCase()
}

/** 127.0.0.1 for one name (A, for a minute), nothing for its other types, and no such name for every other. */
const answerQuery = (query: Buffer, name: string): Buffer => {
  const end = endOfQuestion(query)
  const isKnown = nameOf(query) === name
  const isAddress = isKnown && query.readUInt16BE(end - 4) === 1
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(isKnown ? 0x8580 : 0x8583, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(isAddress ? 1 : 0, 6)
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1])
  return Buffer.concat([head, query.subarray(12, end), ...(isAddress ? [record] : [])])
}

/**
 * In a lane: stands at the addresses of the machine's name servers, and knows one name, for the functions and for the
 * engine. Nothing of the machine is changed, and it ends with the lane.
 */
export const startNameServer = async (name: string): Promise<() => void> => {
  const ip = findProgram('ip') ?? ''
  const sockets = await Promise.all(
    readNameServers().map(async (address) => {
      if (!address.startsWith('127.'))
        execFileSync(ip, ['address', 'replace', `${address}/32`, 'dev', 'lo'])
      const socket = createSocket('udp4', (query, { port, address: from }) => {
        socket.send(answerQuery(query, name), port, from)
      })
      socket.bind(53, address)
      await once(socket, 'listening')
      return socket
    }),
  )
  return () => {
    for (const socket of sockets) socket.close()
  }
}
