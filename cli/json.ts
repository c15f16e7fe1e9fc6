/** Each half of a pair by itself, as JSON escapes it. */
const toUnits = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => {
    const unit = character.charCodeAt(at).toString(16).padStart(4, '0')
    return `\\u${unit}`
  }).join('')

const escapeHidden = (json: string): string =>
  json.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (found) => (found === '\n' ? found : toUnits(found)))

/**
 * JSON whose strings steer no terminal: control and format characters, those that a terminal takes for sequences and those
 * that turn the order of the text, are written as escapes. It reads as the same value.
 */
export const renderJson = (value: unknown): string => escapeHidden(JSON.stringify(value, null, 2))

/** On one line. */
export const renderJsonLine = (value: unknown): string => escapeHidden(JSON.stringify(value))
