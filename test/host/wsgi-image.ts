import { copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import * as z from 'zod'
import { run } from '../../local/docker/docker.ts'
import { copyProgram } from '../../local/docker/images.ts'
import { toLayer } from '../../local/docker/layers.ts'
import { ensurePrograms, findProgram, programs } from '../../local/docker/packages.ts'
import { pushImage } from '../../local/docker/registry-push.ts'

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
const unneeded = new Set(
  '__pycache__ dist-packages ensurepip idlelib lib2to3 site-packages test tests tkinter turtledemo'.split(
    ' ',
  ),
)
const isNeeded = (path: string): boolean =>
  !unneeded.has(basename(path)) && !basename(path).startsWith('config-')

const fill = async (root: string, python: z.infer<typeof Python>): Promise<void> => {
  const { program, library, extensions } = python
  await copyProgram(root, program, program)
  cpSync(library, join(root, library), { recursive: true, filter: isNeeded })
  for (const extension of extensions) await copyProgram(root, extension, extension)
  copyFileSync(join(import.meta.dirname, 'wsgi-app.py'), join(root, 'wsgi-app.py'))
}

/** Pushes an image of `wsgi-app.py` and the Python of this machine; its digest. */
export const pushWsgiImage = async (name: string, tag: string): Promise<string> => {
  const python = await findPython()
  const root = mkdtempSync(join(tmpdir(), 'landfall-wsgi-'))
  try {
    await fill(root, python)
    const config = {
      Env: [`PYTHONHOME=${python.prefix}`],
      // Python ends on SIGINT; SIGTERM does nothing to the first process of a container.
      StopSignal: 'SIGINT',
      Cmd: [python.program, '/wsgi-app.py'],
    }
    return await pushImage({ name, tag, layers: [toLayer(root)], config })
  } finally {
    rmSync(root, { recursive: true })
  }
}
