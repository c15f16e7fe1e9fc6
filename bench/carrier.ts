import { readFileSync } from 'node:fs'
import { createCarry } from '../src/carry/carry.ts'
import { every, systemClock } from '../src/kernel/clock.ts'
import { http, openHttp } from '../src/kernel/http.ts'
import { createLog } from '../src/kernel/log.ts'
import { Redacted } from '../src/kernel/redacted.ts'
import { succeed } from '../src/kernel/result.ts'
import { CarryOrder } from '../src/targets/carry.ts'

// `carrier.ts REGISTRY KEY ORDER`: one run of `carry` in a process of its own, which can be killed and
// whose memory is its own.

const [, , registry = '', key = '', order = ''] = process.argv
const isTaken = () => Promise.resolve(true)
const carry = createCarry({
  every,
  http,
  openHttp,
  readSecret: async () =>
    Promise.resolve(succeed({ value: new Redacted(key), versionId: 'current' })),
  readLogin: () => Promise.resolve(succeed(null)),
  records: { claim: isTaken, record: isTaken, load: () => Promise.resolve(null) },
  registry: new URL(registry),
  clock: systemClock,
  newRun: () => 'run',
  log: createLog({}, () => undefined),
  maxImageBytes: 4_000_000_000,
  runMilliseconds: 840_000,
})
/** Of this process alone: `maxRSS` begins with what the process had that forked it. */
const readPeak = (): number => {
  const [, kilobytes = 'NaN'] =
    /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

const before = process.memoryUsage.rss()
const begun = performance.now()
const progress = await carry(CarryOrder.parse(JSON.parse(order)))
const milliseconds = performance.now() - begun
process.send?.({ progress, milliseconds, peak: readPeak(), before }, () => process.disconnect())
