export type LogFields = Readonly<Record<string, unknown>>

/** One JSON line per fact: a static message and its fields. `with` attaches correlation ids once. */
export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  with(fields: LogFields): Log
}

type WriteLine = (line: string) => void

/** The only place that writes to the console; CloudWatch Logs reads it a line a record. */
const toStandardOutput: WriteLine = (line) => {
  process.stdout.write(`${line}\n`)
}

export const createLog = (fields: LogFields = {}, write: WriteLine = toStandardOutput): Log => {
  const at =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, more: LogFields = {}): void => {
      write(JSON.stringify({ level, message, ...fields, ...more }))
    }
  return {
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (more) => createLog({ ...fields, ...more }, write),
  }
}
