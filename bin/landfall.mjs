#!/usr/bin/env node
// Starts the bundle of cli/, which it makes first where that is missing or older than its sources: npm runs no script
// of this package at its installation (docs/decisions/0027-pinned-node.md). Written for any Node, to say which it needs.
import module from 'node:module'
import { build, cache } from './build.mjs'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(`landfall needs Node.js 22.13 or newer; this is ${process.versions.node}\n`)
  process.exit(2)
}

try {
  // Compiled once. Not in the folder for temporary files, where others could put something else.
  module.enableCompileCache(cache)
  const { main } = await import(await build())
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`landfall: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
