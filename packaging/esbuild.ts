import type { BuildOptions, Plugin } from 'esbuild'
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

/** The first line of a bundle: the checked configuration, as data. */
export const toFirstLine = (configuration: Configuration): string => {
  const text = JSON.stringify(JSON.stringify(configuration))
  return `"use strict";const ${embedded}=JSON.parse(${text});`
}

/**
 * How a function is bundled: one CommonJS file each, because that is what Lambda, `sls invoke local`
 * and serverless-offline all load beside a package of ES modules, and what Sentry's dependencies
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
    plugins: [embedConfiguration],
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
