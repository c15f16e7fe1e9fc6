/** Tokens by their looks: GitHub, Docker Hub, Render, Slack, AWS, bearer and basic, URLs with a password. */
const tokenPatterns = [
  /\b(?:gh[opsur]_|github_pat_|dckr_(?:pat|oat)_|rnd_|HRKU-|xox[a-z]-|sntr[yu]s_)[\w-]{8,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  /\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}/gi,
  /(?<=\/\/)[^\s/:@]+:[^\s/@]+(?=@)/g,
  // Also the last part of a Docker Hub hook's path, and a Slack hook's.
  /(?<=\/hooks\/docker-hub\/[^\s/"]{1,100}\/)[^\s/"]+/g,
  /(?<=hooks\.slack\.com\/)[\w/-]+/g,
  /(?<=[?&](?:key|token|password|secret|signature)=)[^\s&"]+/gi,
]

export const scrub = (text: string): string =>
  tokenPatterns.reduce((rest, pattern) => rest.replace(pattern, '[REDACTED]'), text)

/**
 * Errors whose words name what went wrong and never what was read. Not among them: `SyntaxError`,
 * because `JSON.parse` quotes what it could not parse, and a secret is JSON.
 */
const speakingNames = new Set([
  'Error',
  'TypeError',
  'RangeError',
  'ReferenceError',
  'Retryable',
  'ZodError',
])

const isAwsError = (error: Error): boolean => '$metadata' in error

/** An error's message where it may be repeated, without anything in it that looks like a token. */
export const toSafeMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return '[withheld]'
  const mayBeTold = speakingNames.has(error.name) || isAwsError(error)
  return mayBeTold ? scrub(error.message).slice(0, 1000) : '[withheld]'
}
