import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'
import * as z from 'zod'
import type { Configuration } from '../src/deployment/app.ts'
import { readConfigurationFile } from '../src/config/file.ts'

/**
 * In a bundle the module that reads landfall.yml gives way to one that names this, which the bundle's
 * first line declares. The bundler copies that line as it is, so two bundles of one source differ in it
 * and nowhere else: names are shortened by how often each letter occurs in what it reads.
 */
const embedded = 'LANDFALL_CONFIGURATION'

const embedConfiguration: Plugin = {
  name: 'embed-configuration',
  setup(build) {
    build.onLoad({ filter: /[/\\]src[/\\]config[/\\]load\.ts$/ }, () => ({
      contents: `export const loadConfiguration = () => ${embedded}`,
      loader: 'js',
    }))
  },
}

/**
 * The AWS SDK describes every shape of a service in one file, by keys that are constants: `[_xN]: "item"`. To esbuild a
 * computed key may have an effect, so it keeps them all, of EC2 more than half a megabyte. With the constant's text as the
 * key, what no command uses falls away (docs/decisions/0051-what-a-cold-start-reads.md).
 */
const dropUnusedSchemas: Plugin = {
  name: 'drop-unused-schemas',
  setup(build) {
    build.onLoad(
      { filter: /[/\\]@aws-sdk[/\\].*[/\\]schemas[/\\]schemas_\d+\.js$/ },
      ({ path }) => {
        const text = readFileSync(path, 'utf8')
        const constants = new Map(
          [...text.matchAll(/^const (\w+) = ("[^"\\]*");$/gm)].map(([, name, value]) => [
            name,
            value,
          ]),
        )
        const contents = text.replaceAll(/\[(\w+)\]:/g, (key, name: string) => {
          const constant = constants.get(name)
          return constant === undefined ? key : `${constant}:`
        })
        return { contents, loader: 'js' }
      },
    )
  },
}

/**
 * What the AWS SDK loads only where it is not in a Lambda, or for calls that Landfall does not make: credentials that are not in the
 * environment, event streams, the names of browsers. As long as a bundle holds such a module, all that it shares with the rest is
 * wrapped, and parsed twice at each cold start.
 */
const leftOut = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@smithy/core/event-streams',
  '@smithy/credential-provider-imds',
  'bowser',
]

const leaveOut: Plugin = {
  name: 'leave-out',
  setup(build) {
    const namespace = 'left-out'
    build.onResolve({ filter: /^(@(aws-sdk|smithy)\/|bowser$)/ }, ({ kind, path }) =>
      kind === 'dynamic-import' && leftOut.includes(path) ? { path, namespace } : null,
    )
    build.onLoad({ filter: /./, namespace }, ({ path }) => ({
      contents: `throw new Error('${path} is not in this bundle')`,
      loader: 'js',
    }))
  },
}

/**
 * What our code imports by `import()` becomes a file of its own beside the bundle: `webhook.sentry.cjs`, which serverless-esbuild
 * packs with that function alone. It shares no module with the bundle (.dependency-cruiser.cjs holds it to that).
 */
const separateLateFiles: Plugin = {
  name: 'separate-late-files',
  setup(build) {
    const { entryPoints, outdir, outfile, banner: _, ...options } = build.initialOptions
    const [entry] = z.tuple([z.string()]).parse(entryPoints)
    build.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, async ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import') return null
      const file = `${basename(entry, '.ts')}.${basename(path, '.ts')}.cjs`
      await build.esbuild.build({
        ...options,
        entryPoints: [join(resolveDir, path)],
        outfile: join(outdir ?? dirname(outfile ?? ''), file),
      })
      return { path: `./${file}`, external: true }
    })
  },
}

const declaration = `"use strict";const ${embedded}=`

/** The first line of a bundle: the checked configuration, as data. */
export const toFirstLine = (configuration: Configuration): string => {
  const text = JSON.stringify(JSON.stringify(configuration))
  return `${declaration}JSON.parse(${text});`
}

export const isConfigured = (bundle: string): boolean => bundle.startsWith(declaration)

/**
 * How a function is bundled: one CommonJS file each, and one for each module that is loaded late, because that is what
 * Lambda, `sls invoke local` and serverless-offline all load beside a package of ES modules, and what Sentry's dependencies
 * need. The ES modules of each package are preferred as input: unused parts of them fall away.
 */
export const bundleOptions = (configuration: Configuration) =>
  ({
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    mainFields: ['module', 'main'],
    minify: true,
    // So that a stack in the log names functions; a source map would be read at every cold start.
    keepNames: true,
    sourcemap: false,
    legalComments: 'none',
    banner: { js: toFirstLine(configuration) },
    plugins: [embedConfiguration, dropUnusedSchemas, leaveOut, separateLateFiles],
  }) satisfies BuildOptions

/**
 * The same for the configuration file that is there; its warnings go to standard error.
 *
 * @throws ConfigurationError where it is missing or wrong
 */
export const bundleOptionsForPackaging = () => {
  const { configuration, warnings } = readConfigurationFile()
  for (const warning of warnings) process.stderr.write(`${warning}\n`)
  return {
    ...bundleOptions(configuration),
    outputFileExtension: '.cjs',
    // Two runs at a time, such as a test and a deployment, must not clear away each other's files.
    outputWorkFolder: `.esbuild/${process.pid}`,
  }
}
