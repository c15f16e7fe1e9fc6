import { inspect } from 'node:util'

/** A secret. It always prints as `[REDACTED]`; only `reveal` returns its value. */
export class Redacted {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[REDACTED]'
  }

  toJSON(): string {
    return '[REDACTED]'
  }

  [inspect.custom](): string {
    return '[REDACTED]'
  }
}

/** Patterns of tokens: GitHub, Docker Hub, Render, Heroku, Slack, Sentry, AWS, bearer and basic, URLs with a password. */
const tokenPatterns = [
  /\b(?:gh[opsur]_|github_pat_|dckr_(?:pat|oat)_|rnd_|HRKU-|xox[a-z]-|sntr[yu]s_)[\w-]{8,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  /\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}/gi,
  /(?<=\/\/)[^\s/:@]+:[^\s/@]+(?=@)/g,
  // The last part of the path of a Docker Hub hook, and of a Slack hook.
  /(?<=\/hooks\/docker-hub\/[^\s/"]{1,100}\/)[^\s/"]+/g,
  /(?<=hooks\.slack\.com\/)[\w/-]+/g,
  /(?<=[?&](?:key|token|password|secret|signature)=)[^\s&"]+/gi,
]

export const scrub = (text: string): string =>
  tokenPatterns.reduce((rest, pattern) => rest.replace(pattern, '[REDACTED]'), text)
