import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { findProgram } from '../../local/docker/packages.ts'
import { endCheckAtAnswer, type Edit } from './edit.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { ask } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let image: Image
let app: string
let number = 0
const bin = mkdtempSync(join(tmpdir(), 'landfall-bounds-test-'))

beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  image = await stage.publish('endless')
  app = stage.app('endless')
  // Docker's client takes more than a gigabyte of addresses; only the scripts and their tools are limited.
  const free = `#!/bin/sh\nulimit -S -v unlimited\nulimit -S -f unlimited\nexec ${findProgram('docker') ?? ''} "$@"\n`
  writeFileSync(join(bin, 'docker'), free, { mode: 0o755 })
  instance.environment = { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` }
})
afterAll(async () => {
  await stage.close()
  rmSync(bin, { recursive: true })
})

/** No process of the script gets more than 160 MB of memory, and no file more than 10 MB. */
const limited = (text: string): string =>
  text.replace('set -euo pipefail', 'set -euo pipefail; ulimit -S -v 80000 -f 10000')

/** Long enough to be cut wherever output is cut. */
const secret = 'planted-'.repeat(5000)

/** Answers its health check with this status and a line that never ends; any other request shortly. */
const endless = (status: number): readonly string[] => [
  'node',
  '-e',
  `require('http').createServer(({ url }, answer) => {
    if (url !== '/healthz') return answer.end('endless')
    answer.on('error', () => {}).writeHead(${status})
    const more = () => { while (answer.write(process.env.TOKEN)); answer.once('drain', more) }
    more()
  }).listen(8000)`,
]

/** Prints 100 MB without a line break, then a line, and fails. */
const talkative = [
  'node',
  '-e',
  `const { writeSync } = require('fs'), block = Buffer.from(process.env.TOKEN)
  for (let left = 2500; left > 0; left -= 1)
    for (let at = 0; at < block.length; ) try { at += writeSync(1, block, at) } catch {}
  writeSync(1, '\\0\\nOperationalError: database is locked\\n')
  process.exit(3)`,
]

const attempt = async (more: Order['settings'], edit: Edit = limited): Promise<HostAnswer> => {
  number += 1
  const settings = { command: endless(200), healthTimes: 1, ...more }
  const envelope = [`secret TOKEN=${secret}`]
  const order = { app, generation: number, fence: number, ...image, settings, envelope }
  return instance.deploy(order, edit)
}

test('an app that answers its health check without end is healthy, and fills neither memory nor disk', async () => {
  const answer = await attempt({})
  expect(answer, answer.output).toMatchObject({ outcome: 'succeeded' })
  const limits = '{{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.PidsLimit}}'
  const created = await docker(['inspect', '--format', limits, `landfall-${app}.${number}`])
  expect(created.replace('CAP_', '')).toBe('[NET_RAW] [no-new-privileges] 1024\n')
  expect(await ask(instance.port)).toBe('endless')
})

test('a predeploy that prints 100 MB without a line break is reported by its last line', async () => {
  const { message, tail, output } = await attempt({ predeploy: talkative })
  expect(message).toBe('node ended with code 3: OperationalError: database is locked')
  expect(tail).toEqual(['OperationalError: database is locked'])
  expect(output).not.toContain('planted')
})

test('an unhealthy app whose answer has no end is reported by its status, and no part of a secret is', async () => {
  const edit: Edit = (script) => endCheckAtAnswer(limited(script))
  const { reason, message, output } = await attempt({ command: endless(503) }, edit)
  expect(reason).toBe('unhealthy')
  expect(message).toMatch(/^the last answer was 503/)
  expect(output).not.toContain('planted')
})

test('a predeploy has no raw sockets and gains no privileges, unless its settings say otherwise', async () => {
  const show =
    'while read -r name value; do case $name in CapEff:|NoNewPrivs:) echo $value ;; esac; done'
  const predeploy = ['sh', '-c', `${show} </proc/self/status; exit 3`]
  const rawSockets = async (settings: Order['settings']) => {
    const { tail = [] } = await attempt({ predeploy, ...settings })
    const [capabilities = '', noNewPrivileges] = tail
    return { hasRaw: ((BigInt(`0x${capabilities}`) >> 13n) & 1n) === 1n, noNewPrivileges }
  }
  expect(await rawSockets({})).toEqual({ hasRaw: false, noNewPrivileges: '1' })
  const opened = { capAdd: ['NET_RAW'], newPrivileges: 'true', pidsLimit: 4096 }
  expect(await rawSockets(opened)).toEqual({ hasRaw: true, noNewPrivileges: '0' })
})
