import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import * as z from 'zod'
import { ensurePackage, templateName } from '../../local/package/build.ts'
import { bundleOptions } from '../../packaging/esbuild.ts'
import { readConfigurationFile } from '../../src/config/file.ts'
import { account } from './local-aws.ts'

const Template = z.object({
  Resources: z.record(
    z.string(),
    z.looseObject({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
  ),
  Outputs: z.record(z.string(), z.unknown()),
})
export type Template = z.infer<typeof Template>
export type Resource = Template['Resources'][string]

export interface Packaged {
  readonly directory: string
  readonly template: Template
}

const read = (directory: string): Packaged => {
  const text = readFileSync(join(directory, templateName), 'utf8')
  return { directory, template: Template.parse(JSON.parse(text)) }
}

/** The package of stage `local` that every local stack begins with: of landfall.example.yml, built once. */
export const openPackage = async (): Promise<Packaged> =>
  read(await ensurePackage(account, () => undefined))

/**
 * Packages the stack into `directory` as `npm run package` does: by the packager itself, offline, without
 * credentials.
 */
export const packageStack = (configuration: string, directory: string): Packaged => {
  const without = {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_PROFILE: '',
    HOME: directory,
  }
  execFileSync('npm', ['run', 'package', '--', '--stage', 'local', '--package', directory], {
    env: { ...process.env, ...without, LANDFALL_CONFIG: configuration },
    stdio: 'pipe',
  })
  return read(directory)
}

const sdkImport = /import \{([^}]*)\} from '(@aws-sdk\/[a-z0-9-]+)'/g

/** `GetCommand` of lib-dynamodb is `dynamodb:GetItem`, as IAM knows it. */
const toAction = (library: string, command: string): string => {
  if (library === '@aws-sdk/lib-dynamodb')
    return `dynamodb:${command === 'Query' ? command : `${command}Item`}`
  const client = library.replace('@aws-sdk/client-', '').replaceAll('-', '')
  const service = client === 'eventbridge' ? 'events' : client
  return command === 'Invoke' ? 'lambda:InvokeFunction' : `${service}:${command}`
}

const commandsIn = (file: string): { library: string; command: string }[] =>
  [...readFileSync(file, 'utf8').matchAll(sdkImport)].flatMap(([, names = '', library = '']) =>
    [...names.matchAll(/\b(\w+)Command\b/g)].map(([, command = '']) => ({ library, command })),
  )

/**
 * The actions behind the SDK's commands that a function can send, such as `dynamodb:GetItem`: those
 * that a module of ours in its bundle imports and that the bundler did not find to be unused.
 */
export const findSdkActions = async (name: string, configuration: string): Promise<string[]> => {
  const { metafile } = await build({
    ...bundleOptions(readConfigurationFile(configuration).configuration),
    entryPoints: [`handlers/${name}.ts`],
    outfile: 'bundle.cjs',
    write: false,
    metafile: true,
  })
  const [output] = Object.values(metafile.outputs)
  const kept = Object.entries(output?.inputs ?? {}).flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? [file] : [],
  )
  const actions = kept
    .filter((file) => file.startsWith('src/'))
    .flatMap(commandsIn)
    .filter(({ library, command }) =>
      kept.some(
        (file) => file.includes(library) && file.endsWith(`/commands/${command}Command.js`),
      ),
    )
    .map(({ library, command }) => toAction(library, command))
  return [...new Set(actions)].sort()
}
