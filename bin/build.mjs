import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bundle = join(root, 'dist/landfall.mjs')
/** The sources of the bundle, from the root. */
const list = join(root, 'dist/landfall.sources.json')

/** Where Node keeps the bundle compiled. */
export const cache = join(root, 'dist/cache')

/** The sources of this repository alone: what is in node_modules changes with package-lock.json. */
const ownSources = ({ inputs }) => [
  'package.json',
  'package-lock.json',
  'bin/build.mjs',
  ...Object.keys(inputs).filter((path) => !path.includes('node_modules/')),
]

const isFresh = () => {
  if (!existsSync(bundle) || !existsSync(list)) return false
  const made = statSync(bundle).mtimeMs
  const sources = JSON.parse(readFileSync(list, 'utf8'))
  return sources.every((path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false })
    return found !== undefined && found.mtimeMs <= made
  })
}

/** Some of what is bundled is CommonJS, and asks for modules of Node. */
const banner = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`

/** @returns esbuild's result, with the bundle as bytes and what went into it */
export const bundleSources = async () => {
  const { build: esbuild } = await import('esbuild')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return esbuild({
    absWorkingDir: root,
    entryPoints: ['cli/main.ts'],
    outfile: 'dist/landfall.mjs',
    bundle: true,
    minify: true,
    keepNames: false,
    platform: 'node',
    target: 'node22.13',
    format: 'esm',
    mainFields: ['module', 'main'],
    charset: 'utf8',
    legalComments: 'none',
    banner: { js: banner },
    define: { LANDFALL_VERSION: JSON.stringify(version) },
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
}

/** The address of a bundle that is as new as its sources. Two that make it at once each put a whole one in place. */
export const build = async () => {
  if (!isFresh()) {
    const begun = new Date()
    const { outputFiles, metafile } = await bundleSources().catch((error) => {
      throw new Error(
        `the command line could not be built: ${error.message}; run npm ci in ${root}`,
      )
    })
    mkdirSync(dirname(bundle), { recursive: true })
    const [one, other] = [`${list}.${process.pid}`, `${bundle}.${process.pid}`]
    writeFileSync(one, JSON.stringify(ownSources(metafile)))
    writeFileSync(other, outputFiles[0].contents)
    // What is edited meanwhile is newer.
    utimesSync(other, begun, begun)
    renameSync(one, list)
    renameSync(other, bundle)
  }
  return pathToFileURL(bundle).href
}
