import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { ConfigurationError } from '../src/config/file.ts'
import { StartError } from './base/listen.ts'
import { watchForEnd } from './stack/ending.ts'
import { toExportLine } from './stack/exports.ts'
import { openLink } from './stack/open-link.ts'
import { defaultOptions, startStack, type Stack } from './stack/stack.ts'

const help = `npm start -- [options]
  --config FILE         landfall.yml (default: LANDFALL_CONFIG, landfall.yml, or the example)
  --api-port PORT       of the HTTP API (${defaultOptions.apiPort})
  --api-host NAME       by which the HTTP API may be called too, of a tunnel; may be repeated
  --aws-port PORT       of the AWS endpoint (${defaultOptions.awsPort})
  --registry-port PORT  of the registry (${defaultOptions.registryPort}), or none
  --instances N         N instances of their own (Linux, root) instead of this machine's engine
  --state-dir DIR       where state is kept (${defaultOptions.stateDirectory})`

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const toNumber = (
  name: string,
  text: string | undefined,
  fallback: number,
  most = 65_535,
): number => {
  if (text === undefined) return fallback
  const number = Number(text)
  if (!/^\d+$/.test(text) || number > most)
    throw new StartError(`--${name} takes a number from 0 to ${most}, got "${text}".`)
  return number
}

const toConfig = (named: string | undefined): string => {
  const config = named ?? process.env['LANDFALL_CONFIG'] ?? 'landfall.yml'
  if (existsSync(config) || config !== 'landfall.yml') return config
  print('landfall.yml is not there; using landfall.example.yml')
  return 'landfall.example.yml'
}

type Options = Parameters<typeof startStack>[0]

const readOptions = (): Options | null => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      config: text,
      'api-port': text,
      'api-host': { type: 'string', multiple: true },
      'aws-port': text,
      'registry-port': text,
      instances: text,
      'state-dir': text,
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) return null
  const registry = values['registry-port']
  return {
    config: toConfig(values.config),
    stateDirectory: values['state-dir'] ?? defaultOptions.stateDirectory,
    apiPort: toNumber('api-port', values['api-port'], defaultOptions.apiPort),
    apiHosts: values['api-host'] ?? [],
    awsPort: toNumber('aws-port', values['aws-port'], defaultOptions.awsPort),
    registryPort: registry === 'none' ? null : toNumber('registry-port', registry, 5000),
    instances: toNumber('instances', values.instances, 0, 9),
    say: print,
  }
}

/** How to read them, never the value. */
const tellSecrets = ({ awsAddress, client, createdSecrets }: Stack): void => {
  const aws = `aws --endpoint-url ${awsAddress} --region ${client.region}`
  for (const name of createdSecrets)
    print(
      `created the hook secret ${name}; to read it:\n  ${aws} secretsmanager get-secret-value --secret-id ${name} --query SecretString --output text`,
    )
}

/** The terminal, or what reads this output, may end before the stack, which still has to stop. */
const outliveReaders = (): void => {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
}

/** null where it was told to end while it started; a signal to the group fails parts of it too. */
const startUntil = (ending: AbortSignal, options: Options): Promise<Stack | null> =>
  startStack({ ...options, ending }).catch((error: unknown) => {
    if (ending.aborted) return null
    throw error
  })

const main = async (): Promise<number> => {
  const options = readOptions()
  if (!options) {
    print(help)
    return 0
  }
  outliveReaders()
  const ending = watchForEnd()
  const stack = await startUntil(ending, options)
  if (stack === null) return 0
  tellSecrets(stack)
  print('ready')
  print(stack.apiAddress)
  print(stack.awsAddress)
  print(await openLink(stack, userInfo().username))
  print(toExportLine(stack.client))
  if (!ending.aborted) await once(ending, 'abort')
  await stack.stop()
  return 0
}

const isForPerson = (error: unknown): error is Error =>
  error instanceof StartError ||
  error instanceof ConfigurationError ||
  (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))

process.exitCode = await main().catch((error: unknown) => {
  if (!isForPerson(error)) throw error
  process.stderr.write(`${error.message}\n`)
  return 1
})
