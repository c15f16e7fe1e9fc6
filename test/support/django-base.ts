import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as z from 'zod'
import { run } from '../../local/docker/docker.ts'
import { copyProgram } from '../../local/docker/images.ts'
import { keepLayer } from '../../local/docker/layers.ts'
import { ensurePrograms, findProgram, programs } from '../../local/docker/packages.ts'
import { pushImage, type Credentials } from '../../local/docker/registry-push.ts'
import { djangoPrograms } from './django-packages.ts'

const project = join(import.meta.dirname, '../..')
const layers = join(project, '.landfall/layers')
const python = '/usr/bin/python3'

const Found = z.object({
  program: z.string(),
  library: z.string(),
  /** What of Debian's packages the example loads, with its own folder each. */
  packages: z.array(z.string()),
  modules: z.array(z.string()),
  version: z.string(),
})

/** Loads the example as gunicorn does, and tells where all that lies. */
const ask = `
import json, os, sys, sysconfig
import config.wsgi, gunicorn.app.wsgiapp, gunicorn.workers.gthread, psycopg2
import django.core.management.commands.migrate, whitenoise.compress
debian = "/usr/lib/python3/dist-packages/"
files = sorted(f for f in (getattr(m, "__file__", None) for m in list(sys.modules.values())) if f)
parts = sorted({debian + f[len(debian):].split("/")[0] for f in files if f.startswith(debian)})
print(json.dumps(dict(program=os.path.realpath(sys.executable), library=sysconfig.get_path("stdlib"),
  packages=parts, modules=[f for f in files if f.endswith(".py") and f.startswith("/usr/lib/")],
  version=f"{sys.version} {django.VERSION} {gunicorn.__version__}")))
`

const needed = { SECRET_KEY: 'unused', ALLOWED_HOSTS: 'unused', DATABASE_PATH: ':memory:' }
const inExample = (args: readonly string[]): Promise<string> => {
  const settings = Object.entries(needed).map(([name, value]) => `${name}=${value}`)
  const place = ['-C', join(project, 'examples/django'), ...settings]
  return run('env', [...place, 'PYTHONDONTWRITEBYTECODE=1', python, ...args])
}

/** Most of the size: tests, tools for developers, and translations other than English. */
const unneeded =
  /\/(__pycache__|dist-packages|ensurepip|idlelib|lib2to3|tests?|tkinter|turtledemo|config-[^/]*)$|\/locale\/(?!en(\/|$))[^/]+\/LC_MESSAGES$/

const copyTree = async (root: string, from: string): Promise<void> => {
  const objects: string[] = []
  cpSync(from, join(root, from), {
    recursive: true,
    dereference: true,
    filter: (path) => {
      // Links to packages that are only recommended may lead nowhere.
      if ((path !== from && unneeded.test(path)) || !existsSync(path)) return false
      if (path.endsWith('.so')) objects.push(path)
      return true
    },
  })
  for (const object of objects) await copyProgram(root, object, object)
}

const compile = `
import py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for file in sys.stdin.read().split("\\n"):
    py_compile.compile(sys.argv[1] + file, dfile=file, invalidation_mode=mode)
`

const applets = ['sh', 'mkdir', 'chown', 'cat', 'env', 'ls', 'id', 'sleep']

/** Debian's pytz reads them when it is loaded. */
const timeZones = ['UTC', 'iso3166.tab', 'tzdata.zi', 'zone.tab', 'zone1970.tab'].map(
  (name) => `/usr/share/zoneinfo/${name}`,
)

const scripts = {
  gunicorn: '#!/usr/bin/python3\nfrom gunicorn.app.wsgiapp import run\nrun()\n',
  // In the place of the pip that fetches from PyPI: the packages are there already.
  pip: '#!/bin/sh\nmkdir -p /packages && echo "pip: the base image has the packages"\n',
}

const fill = async (root: string, found: z.infer<typeof Found>): Promise<void> => {
  for (const directory of ['bin', 'etc', 'tmp', 'usr/local', 'usr/bin'])
    mkdirSync(join(root, directory), { recursive: true })
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n')
  await copyProgram(root, findProgram(programs.busybox.name) ?? '', '/bin/busybox')
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet))
  await copyProgram(root, found.program, found.program)
  for (const name of ['python', 'python3'])
    symlinkSync(basename(found.program), join(root, 'usr/bin', name))
  for (const path of [found.library, ...found.packages, ...timeZones].filter(existsSync))
    await copyTree(root, path)
  for (const [name, script] of Object.entries(scripts))
    writeFileSync(join(root, 'usr/bin', name), script, { mode: 0o755 })
  // A layer's files have no time of their own, by which Python would know that a compiled one is right.
  await run(python, ['-c', compile, root], { input: found.modules.join('\n') })
}

/** Pushes an image of Debian's Python and Django; its digest. */
export const pushDjangoImage = async (
  name: string,
  tag: string,
  credentials: Credentials | null = null,
): Promise<string> => {
  await ensurePrograms([programs.busybox, ...djangoPrograms])
  const found = Found.parse(JSON.parse(await inExample(['-c', ask])))
  const recipe = readFileSync(join(import.meta.dirname, basename(import.meta.filename)))
  const facts = createHash('sha256').update(recipe).update(JSON.stringify(found))
  const layer = await keepLayer(join(layers, facts.digest('hex')), (root) => fill(root, found))
  const config = { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'] }
  return pushImage({ name, tag, layers: [layer], config }, credentials)
}

/** The same, from which the example's Dockerfile can build offline; its reference. */
export const pushDjangoBase = async (name: string, credentials: Credentials): Promise<string> => {
  await pushDjangoImage(name, 'debian', credentials)
  return `${name}:debian`
}
