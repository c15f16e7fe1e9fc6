/** A change of a document's script before it runs. */
export type Edit = (script: string) => string

/** Replaces a text wherever the script has it; a script without it is an error. */
export const replaceText =
  (from: string | RegExp, to: string | ((...match: string[]) => string)): Edit =>
  (script) => {
    const edited = script.replaceAll(from, typeof to === 'string' ? () => to : to)
    if (edited === script) throw new Error(`the script has no: ${String(from)}`)
    return edited
  }

/** The time of the check is up once the app has answered, or closed, a connection, however long it took to start. */
export const endCheckAtAnswer = replaceText(
  'if ((at >= until_at)); then',
  'if [[ $answer_exit != 7 ]]; then',
)
