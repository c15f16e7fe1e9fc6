import { inspect } from 'node:util'
import { toPlainLine } from './plain-line.ts'

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
  // A word of small letters is no credential: "basic authentication".
  /\b(?:[Bb]earer|[Bb]asic|BEARER|BASIC)\s+(?![a-z]+(?:[\s.,:;!?)]|$))[\w.~+/=-]{8,}/g,
  /(?<=\/\/)[^\s/:@]+:[^\s/@]+(?=@)/g,
  // The last part of the path of a Docker Hub hook, and of a Slack hook.
  /(?<=\/hooks\/docker-hub\/[^\s/"]{1,100}\/)[^\s/"]+/g,
  /(?<=hooks\.slack\.com\/)[\w/-]+/g,
  /(?<=[?&](?:key|token|password|secret|signature)=)[^\s&"]+/gi,
]

export const scrub = (text: string): string =>
  tokenPatterns.reduce((rest, pattern) => rest.replace(pattern, '[REDACTED]'), text)

/** A stranger's text as one line for people, also without tokens and what is long enough to be one. */
export const toSafeLine = (text: string): string =>
  scrub(toPlainLine(text).replaceAll(/\s+/g, ' '))
    .replaceAll(/[\w.~+=-]{60,}/g, '[REDACTED]')
    .trim()
