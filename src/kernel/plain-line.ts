import { stripVTControlCharacters } from 'node:util'

/**
 * A stranger's text of at most so many UTF-16 units as one line, which steers no terminal and is read in its order: without
 * terminal sequences, control and bidi characters and halves of a character. Its spaces stay.
 */
export const toPlainLine = (text: string, most = text.length): string =>
  stripVTControlCharacters(text.slice(0, most))
    .replaceAll(/[\t\n\v\f\r\u0085\p{Zl}\p{Zp}]/gu, ' ')
    .replaceAll(/\p{C}/gu, '')

/**
 * The same without secrets. Masked before the cut, which could leave half a secret, and once more without what a plain
 * line leaves out, because only then a secret may be whole.
 */
export const toMaskedLine = (
  text: string,
  mask: (text: string) => string,
  most = Infinity,
): string => toPlainLine(mask(toPlainLine(mask(text))), most)

/** Patterns of tokens: GitHub, Docker Hub, Render, Heroku, Slack, Sentry, AWS, bearer and basic, URLs with a password. */
const tokenPatterns = [
  /\b(?:gh[opsur]_|github_pat_|dckr_(?:pat|oat)_|rnd_|HRKU-|xox[a-z]-|sntr[yu]s_)[\w-]{8,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  // A word of small letters is no credential: "basic authentication".
  /\b(?:[Bb]earer|[Bb]asic|BEARER|BASIC)\s+(?![a-z]+(?:[\s.,:;!?)]|$))[\w.~+/=-]{8,}/g,
  // To the last `@`: a password may have one of its own.
  /(?<=\/\/)[^\s/:]+:[^\s/]+(?=@)/g,
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
