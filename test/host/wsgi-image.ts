import { copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as z from 'zod'
import { run } from '../../local/docker/docker.ts'
import { build, copyProgram } from '../../local/docker/images.ts'
import { ensurePrograms, findProgram, programs } from '../../local/docker/packages.ts'

const Python = z.object({
  program: z.string(),
  prefix: z.string(),
  library: z.string(),
  /** Shared objects that the app loads. */
  extensions: z.array(z.string()),
})

/** Where Python says that it lies: a `python3` on the PATH may be a script that finds it. */
const findPython = async (): Promise<z.infer<typeof Python>> => {
  await ensurePrograms([programs.python])
  const ask = [
    'import json, os, socketserver, sys, sysconfig, wsgiref.simple_server',
    'files = [getattr(module, "__file__", None) or "" for module in sys.modules.values()]',
    'print(json.dumps(dict(program=os.path.realpath(sys.executable), prefix=sys.base_prefix,',
    '  library=sysconfig.get_path("stdlib"), extensions=[f for f in files if f.endswith(".so")])))',
  ].join('\n')
  const python = findProgram(programs.python.name) ?? ''
  return Python.parse(JSON.parse(await run(python, ['-c', ask])))
}

/** Parts of Python's library that no server needs; most of its size. */
const unneeded = new Set([
  '__pycache__',
  'dist-packages',
  'ensurepip',
  'idlelib',
  'lib2to3',
  'site-packages',
  'test',
  'tests',
  'tkinter',
  'turtledemo',
])
const isNeeded = (path: string): boolean =>
  !unneeded.has(basename(path)) && !basename(path).startsWith('config-')

/** An image of `wsgi-app.py` and the Python of this machine; nothing is pulled. */
export const buildWsgiImage = async (name: string, tag: string): Promise<string> => {
  const { program, prefix, library, extensions } = await findPython()
  const image = `${name}:${tag}`
  const dockerfile = [
    'FROM scratch',
    'COPY root /',
    `ENV PYTHONHOME=${prefix}`,
    // Python ends on SIGINT; SIGTERM does nothing to the first process of a container.
    'STOPSIGNAL SIGINT',
    `CMD ["${program}", "/wsgi-app.py"]`,
  ]
  await build(image, dockerfile, async (directory) => {
    const root = join(directory, 'root')
    mkdirSync(root)
    await copyProgram(root, program, program)
    cpSync(library, join(root, library), { recursive: true, filter: isNeeded })
    for (const extension of extensions) await copyProgram(root, extension, extension)
    copyFileSync(join(import.meta.dirname, 'wsgi-app.py'), join(root, 'wsgi-app.py'))
  })
  return image
}
