import type { Delivery } from './source.ts'

export const jsonType = 'application/json'
export const formType = 'application/x-www-form-urlencoded'

/** A byte order mark stays, so a body with one is neither. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text in `payload`, which must be the only field of the form, from the first byte to the last. */
const readForm = (text: string): string | undefined => {
  const [, value] = /^payload=([^&]*)$/.exec(text) ?? []
  return value === undefined ? undefined : decodeURIComponent(value.replaceAll('+', ' '))
}

/**
 * Parses a body as JSON in UTF-8, or as a form that holds JSON; undefined where it is neither. The content
 * type is not signed, but no bytes are both, so a wrong one can only fail.
 */
export const decodeBody = ({
  body,
  contentType,
}: Pick<Delivery, 'body' | 'contentType'>): unknown => {
  try {
    const text = strictUtf8.decode(body)
    return JSON.parse((contentType === formType ? readForm(text) : text) ?? '')
  } catch {
    return undefined
  }
}
