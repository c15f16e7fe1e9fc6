const cutMark = '--output truncated--'

const cut = (text: string, limit: number): string =>
  text.length <= limit ? text : text.slice(0, limit - cutMark.length) + cutMark

/** What `GetCommandInvocation` keeps: the first characters, never the last. */
export const cutStandardOutput = (text: string): string => cut(text, 24_000)
export const cutStandardError = (text: string): string => cut(text, 8_000)

const errorTitle = '\n----------ERROR-------\n'
const outputCut = '\n---Output truncated---'
const errorCut = '\n---Error truncated----'

/**
 * One plugin's `Output` in `ListCommandInvocations`: both streams, each cut at its end. The API
 * documents 2,500 characters; the agent sends 2,400 (`MaximumPluginOutputSize`).
 */
export const mergeOutput = (stdout: string, stderr: string, capacity = 2_400): string => {
  const title = stderr === '' ? '' : errorTitle
  const room = capacity - title.length
  if (stdout.length + stderr.length < room) return stdout + title + stderr
  if (stderr === '') return stdout.slice(0, room - outputCut.length) + outputCut
  if (stdout === '') return title + stderr.slice(0, room - errorCut.length) + errorCut
  const half = Math.floor(room / 2)
  const out = stdout.length <= half ? stdout : null
  const err = stderr.length <= half ? stderr : null
  const outRoom = room - (err?.length ?? half) - outputCut.length
  const errorRoom = room - (out?.length ?? half) - errorCut.length
  return (
    (out ?? stdout.slice(0, outRoom) + outputCut) +
    title +
    (err ?? stderr.slice(0, errorRoom) + errorCut)
  )
}
