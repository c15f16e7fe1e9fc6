import { AwsError } from '../operation.ts'
import { maxDocumentBytes, type Document, type Parameter } from './document.ts'

export type ParameterValues = Readonly<Record<string, readonly string[]>>

const refuse = (message: string): never => {
  throw new AwsError('InvalidParameters', message)
}

const checkValue = (name: string, parameter: Parameter, value: string): void => {
  const { allowedPattern, allowedValues, minChars = 0, maxChars = Infinity } = parameter
  if (allowedPattern !== undefined && !new RegExp(`^(?:${allowedPattern})$`).test(value))
    refuse(`Parameter ${name} does not match the allowed pattern.`)
  if (allowedValues && !allowedValues.includes(value))
    refuse(`Parameter ${name} is not one of the allowed values.`)
  if (value.length < minChars || value.length > maxChars)
    refuse(`Parameter ${name} has the wrong length.`)
}

const checkSize = (document: Document, values: ParameterValues): void => {
  const size = Buffer.byteLength(document.text) + Buffer.byteLength(JSON.stringify(values))
  if (size > maxDocumentBytes)
    throw new AwsError(
      'MaxDocumentSizeExceeded',
      'The document and its parameter values are larger than 64 KB.',
    )
}

/** What the API checks before any agent sees the command. Values are never quoted in an error. */
export const checkParameters = (document: Document, given: ParameterValues): void => {
  const { parameters } = document.content
  for (const [name, values] of Object.entries(given)) {
    const parameter = parameters[name]
    if (!parameter) return refuse(`Parameter ${name} is not defined in ${document.name}.`)
    if (parameter.type === 'String' && values.length !== 1)
      refuse(`Parameter ${name} takes exactly one value.`)
    for (const value of values) checkValue(name, parameter, value)
  }
  for (const [name, parameter] of Object.entries(parameters))
    if (given[name] === undefined && parameter.default === undefined)
      refuse(`Parameter ${name} is required.`)
  checkSize(document, given)
}

const toText = (value: string | readonly string[]): string =>
  typeof value === 'string' ? value : `[${value.join(' ')}]`

/**
 * ENV_VAR parameters as the agent sets them: `SSM_<Name>`, passed value or default. A list is
 * printed as Go prints it.
 */
export const toEnvironment = (
  document: Document,
  given: ParameterValues,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(document.content.parameters)
      .filter(([, { interpolationType }]) => interpolationType === 'ENV_VAR')
      .map(([name, parameter]) => {
        const values = given[name]
        const passed = parameter.type === 'String' ? values?.[0] : values
        return [`SSM_${name}`, toText(passed ?? parameter.default ?? '')]
      }),
  )

/** `{{ Name }}` of the other parameters is pasted into the script's text: the injection that ENV_VAR ends. */
export const toScript = (document: Document, given: ParameterValues): string => {
  const text = document.content.mainSteps[0].inputs.runCommand.join('\n')
  return text.replace(/\{\{\s*([a-zA-Z0-9]+)\s*\}\}/g, (match, name: string) => {
    const parameter = document.content.parameters[name]
    if (!parameter) return match
    if (parameter.interpolationType === 'ENV_VAR') return `$SSM_${name}`
    return toText(given[name]?.[0] ?? parameter.default ?? '')
  })
}
