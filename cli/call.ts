import type * as z from 'zod'
import { RefusedAnswer, type AnswerOf } from '../src/answers/answer.ts'
import { toPlainLine } from '../src/kernel/plain-line.ts'
import { CommandError, exitCodes } from './exit.ts'

/** A function's answer: as it came, and as its schema reads it. */
export interface FunctionAnswer<Value> {
  readonly raw: unknown
  readonly answer: Value
}

/** A function did nothing, and says why. */
export class Refused extends CommandError {
  readonly raw: unknown
  readonly reason: string

  constructor(raw: unknown, { reason, message }: AnswerOf<typeof RefusedAnswer>) {
    const code = toPlainLine(reason, 80)
    super(exitCodes.refused, [
      `refused: ${code}. ${toPlainLine(message, 2000)}`,
      `docs/reasons.md#${code}`,
    ])
    this.name = 'Refused'
    this.raw = raw
    this.reason = code
  }
}

export type Call = <Schema extends z.ZodType>(
  name: string,
  input: Readonly<Record<string, unknown>>,
  schema: Schema,
) => Promise<FunctionAnswer<z.output<Schema>>>

const mismatch = (what: string, stage: string): CommandError =>
  new CommandError(exitCodes.aws, [
    what,
    `is Landfall in the stage ${stage} another version than this command?`,
  ])

const readJson = (name: string, text: string, stage: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw mismatch(`${name} answered no JSON`, stage)
  }
}

/**
 * Calls the functions of a stage. What they answer is checked here; text in it is a stranger's all the same.
 *
 * @throws Refused, or CommandError naming the function and the path of what is wrong in its answer
 */
export const createCall =
  (
    stage: string,
    invoke: (name: string, input: string) => Promise<{ text: string; hasFailed: boolean }>,
  ): Call =>
  async (name, input, schema) => {
    const { text, hasFailed } = await invoke(`landfall-${stage}-${name}`, JSON.stringify(input))
    if (hasFailed)
      throw new CommandError(exitCodes.aws, [
        `the function ${name} failed: ${toPlainLine(text, 300)}`,
        `its log: npx sls logs -f ${name} --stage ${stage}`,
      ])
    const raw = readJson(name, text, stage)
    const refused = RefusedAnswer.safeParse(raw)
    if (refused.success) throw new Refused(raw, refused.data)
    const parsed = schema.safeParse(raw)
    if (parsed.success) return { raw, answer: parsed.data }
    const [issue] = parsed.error.issues
    const path = toPlainLine((issue?.path ?? []).join('.'), 200)
    const what = toPlainLine(issue?.message ?? '', 200)
    throw mismatch(
      `the answer of ${name} is not as expected at ${path || 'its top'}: ${what}`,
      stage,
    )
  }
