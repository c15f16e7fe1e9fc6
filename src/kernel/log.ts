export type LogFields = Readonly<Record<string, unknown>>

/** Writes JSON lines of a static message and its fields. `with` attaches correlation ids once. */
export interface Log {
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  with(fields: LogFields): Log
}

/** The only code that writes to the console. CloudWatch Logs keeps each line as a record. */
export const createLog = (
  fields: LogFields = {},
  write = (line: string): void => void process.stdout.write(`${line}\n`),
): Log => {
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
