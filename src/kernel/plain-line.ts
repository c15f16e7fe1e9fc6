import { stripVTControlCharacters } from 'node:util'

/**
 * A stranger's text of at most so many UTF-16 units as one line, which steers no terminal and is read in its order: without
 * terminal sequences, control and bidi characters and halves of a character. Its spaces stay.
 */
export const toPlainLine = (text: string, most = text.length): string =>
  stripVTControlCharacters(text.slice(0, most))
    .replaceAll(/[\t\n\v\f\r\u0085\p{Zl}\p{Zp}]/gu, ' ')
    .replaceAll(/\p{C}/gu, '')
