import type { HooksAnswer, PlanAnswer } from '../../src/answers/plan.ts'
import type { Paint } from '../terminal.ts'
import { safe } from '../text.ts'

const levels = {
  problem: ['red', '✖'],
  warning: ['yellow', '!'],
  fine: ['green', '✔'],
} as const

/** A finding of `plan`, or of doctor. */
export const renderFinding = (
  finding: {
    readonly level: keyof typeof levels
    readonly what: string
    readonly message: string
    readonly reason?: string | undefined
    readonly instance?: string | undefined
  },
  paint: Paint,
): string => {
  const [style, sign] = levels[finding.level]
  const where = finding.instance === undefined ? '' : ` ${safe(finding.instance, 60)}`
  const reason =
    finding.reason === undefined ? '' : ` (docs/reasons.md#${safe(finding.reason, 60)})`
  const word = finding.level === 'fine' ? 'ok' : finding.level
  return `${paint(style, `${sign} ${word.padEnd(7)}`)} ${safe(finding.what, 60)}${where}: ${safe(finding.message, 1000)}${reason}`
}

export const renderPlan = (plan: PlanAnswer, paint: Paint): readonly string[] => [
  `${paint('bold', safe(plan.app, 60))}  a deployment would ${safe(plan.would, 500)}`,
  ...plan.findings.map((one) => renderFinding(one, paint)),
  ...plan.instances.flatMap(({ id, name, online, wave, would }) => [
    `${safe(id, 60)}${name === null ? '' : ` ${safe(name, 60)}`}, wave ${wave}${online ? '' : ', offline'}`,
    ...would.map((step) => `  ${safe(step, 500)}`),
  ]),
]

export const renderHooks = (apps: HooksAnswer, paint: Paint): readonly string[] =>
  apps.flatMap(({ app, hooks }) => [
    paint('bold', safe(app, 60)),
    ...hooks.flatMap((hook) => [
      `  ${safe(hook.sender, 40)}  ${safe(hook.page)}`,
      `    url           ${hook.url === null ? 'unknown: its secret cannot be read' : safe(hook.url)}`,
      `    content type  ${safe(hook.contentType, 60)}`,
      `    events        ${hook.events.map((one) => safe(one, 100)).join(', ')}`,
      `    secret        ${safe(hook.secret)}`,
    ]),
  ])
