import * as z from 'zod'
import { count, type Coverage, type Trace } from './trace.ts'

const deploymentSchema = z.tuple([
  z.object({ kind: z.string(), status: z.string(), reason: z.string().nullable() }),
  z.unknown(),
  z.array(z.object({ status: z.string() })),
])
const noticeSchema = z.tuple([z.string(), z.string(), z.string().nullable()]).rest(z.unknown())
const verdictSchema = z.object({ kind: z.string(), reason: z.string().optional() })
const alarmSchema = z.tuple([z.number(), z.unknown(), verdictSchema])
const answerSchema = z.object({ ok: z.boolean(), error: z.string().optional() })

const afterColon = (line: string): unknown => JSON.parse(line.slice(line.indexOf(': ') + 2))

/** Counts what a story led to, by what kind of thing ended how. */
export const cover = (coverage: Coverage, trace: Trace): void => {
  for (const line of trace.commands) {
    const [, mode = '?'] = /^#\d+(?: again)?, ([^ ,]+)/.exec(line) ?? []
    count(coverage, `command ${mode}${line.includes('predeploy') ? ' with predeploy' : ''}`)
    if (line.includes('again')) count(coverage, 'command again under its fence')
    if (line.includes(': nothing')) count(coverage, 'command to bring back nothing')
  }
  for (const line of trace.cancels) count(coverage, `cancel of ${line.split(' ')[1]}`)
  for (const line of trace.steps.values()) {
    const [, , , , purpose, outcome, reason] = line.split(' ')
    count(coverage, `answer ${purpose} ${outcome} ${reason}`)
  }
  for (const line of trace.deployments) {
    if (!line.startsWith('[')) {
      count(coverage, 'deployment rolled back later')
      continue
    }
    const [{ kind, status, reason }, , instances] = deploymentSchema.parse(JSON.parse(line))
    count(coverage, `deployment ${kind} ${status} ${reason}`)
    for (const one of instances) count(coverage, `instance of ${kind} ${one.status}`)
  }
  for (const told of trace.notices.values())
    for (const line of told) {
      const [kind, , reason] = noticeSchema.parse(JSON.parse(line))
      count(coverage, `notice ${kind} ${reason}`)
    }
  for (const line of trace.alarms) {
    const [, , { kind, reason }] = alarmSchema.parse(JSON.parse(line))
    count(coverage, `verdict ${kind} ${reason ?? ''}`.trim())
  }
  for (const line of trace.revisions) {
    const [, status, reason] = line.split(' ')
    count(coverage, `revision ${status} ${reason}`)
  }
  for (const line of trace.answers) {
    if (line.startsWith('alarm')) continue
    const { ok, error } = answerSchema.parse(afterColon(line))
    count(coverage, `answer to ${line.split(' ')[0]}: ${ok ? 'yes' : error}`)
  }
  if (trace.crashes.length > 0) count(coverage, 'crash')
}

/** The table, by kind of thing and name. */
export const renderCoverage = (coverage: Coverage): string =>
  [...coverage]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([what, times]) => `${String(times).padStart(9)}  ${what}`)
    .join('\n')
