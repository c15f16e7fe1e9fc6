import { decode, type ScriptEnd } from './run-script.ts'

/** What the agent of an instance tells SSM of a step that has ended. */
export interface Reply {
  readonly status: 'Success' | 'Failed' | 'TimedOut' | 'Cancelled'
  readonly code: number
  /** Both streams in one, for the listing; or the agent's own words where no script ran to its end. */
  readonly output: string
  readonly standardOutput: string
  readonly standardError: string
}

/** What the agent does to a script that it does not let run on. */
export type Stopped = 'cancelled' | 'timed_out'

/** The streams as they are sent (`MaxStdoutLength`); SSM keeps less of the second. */
const streamBytes = 24_000
const streamCut = '--output truncated--'

/** `MaximumPluginOutputSize` of the agent. */
const outputBytes = 2_500
const errorTitle = '\n----------ERROR-------\n'
const outputCut = '\n---Output truncated---'
const errorCut = '\n---Error truncated----'

const head = (text: string, count: number): string => decode(Buffer.from(text).subarray(0, count))

const cutStream = (text: string): string =>
  Buffer.byteLength(text) < streamBytes
    ? text
    : head(text, streamBytes - streamCut.length) + streamCut

/** As `TruncateOutput` of the agent: it keeps the beginning of each stream. */
const mergeStreams = (stdout: string, stderr: string): string => {
  const [out, error] = [Buffer.byteLength(stdout), Buffer.byteLength(stderr)]
  const title = error === 0 ? '' : errorTitle
  const room = outputBytes - title.length
  if (out + error < room) return stdout + title + stderr
  const half = Math.floor(room / 2)
  if (out > half && error > half) {
    const each = Math.floor((room - outputCut.length - errorCut.length) / 2)
    return head(stdout, each) + outputCut + title + head(stderr, each) + errorCut
  }
  if (out <= half) return stdout + title + head(stderr, room - errorCut.length - out) + errorCut
  return head(stdout, room - outputCut.length - error) + outputCut + title + stderr
}

/** The agent's words follow directly what a failing script has written to its standard error. */
const describeFailure = ({ exitCode, signal }: ScriptEnd): string =>
  `failed to run commands: ${signal === undefined ? `exit status ${exitCode}` : `signal: ${signal}`}`

/** 128 and the number of SIGKILL: what the agent reports of a script that it has stopped, and takes a script's own 137 for. */
const stoppedCode = 137

const toStatus = (code: number, stopped: Stopped | null): Reply['status'] => {
  if (code === 0) return 'Success'
  if (code !== stoppedCode) return 'Failed'
  return stopped === 'cancelled' ? 'Cancelled' : 'TimedOut'
}

/** The reply to a script that has ended, or that the agent has stopped. */
export const toReply = (end: ScriptEnd, stopped: Stopped | null): Reply => {
  const code = stopped === null ? end.exitCode : stoppedCode
  const status = toStatus(code, stopped)
  const stderr = status === 'Failed' ? end.stderr + describeFailure(end) : end.stderr
  return {
    status,
    code,
    output: mergeStreams(end.stdout, stderr),
    standardOutput: cutStream(end.stdout),
    standardError: cutStream(stderr),
  }
}

/** Of a script that the agent could not run or has lost; null: the agent cannot say anything. */
export const toLostReply = (cause: string | null): Reply => ({
  status: 'Failed',
  code: 1,
  output:
    cause === null
      ? ''
      : `document process failed unexpectedly: ${cause} , check [ssm-document-worker]/[ssm-session-worker] log for crash reason`,
  standardOutput: '',
  standardError: '',
})

/** Of a worker that is gone, because of a restart of the instance or for itself: the agent waits for it a minute. */
export const workerLost = 'ipc messaging received timeout signal'
