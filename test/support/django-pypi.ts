import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../local/docker/docker.ts'
import { ensurePrograms } from '../../local/docker/packages.ts'

const project = join(import.meta.dirname, '../..')
const example = join(project, 'examples/django')
const python = '/usr/bin/python3'

const programs = [
  { name: 'python3', package: 'python3', path: python },
  { name: 'venv', package: 'python3-venv', path: '/usr/share/doc/python3-venv' },
]

/**
 * The `bin` of a virtual environment with the packages that the example pins, from PyPI; null, after a
 * line that says so, where PyPI does not answer. It is made once: a lane of the tests has no network.
 */
export const ensurePypiPython = async (): Promise<string | null> => {
  await ensurePrograms(programs)
  const files = ['requirements.txt', 'requirements-dev.txt'].map((file) => join(example, file))
  const facts = createHash('sha256').update(await run(python, ['--version']))
  for (const file of files) facts.update(readFileSync(file))
  const directory = join(project, '.landfall/python', facts.digest('hex').slice(0, 16))
  const bin = join(directory, 'bin')
  const complete = join(directory, 'complete')
  if (existsSync(complete)) return bin
  try {
    await run(python, ['-m', 'venv', '--clear', directory])
    const quick = ['--quiet', '--retries', '0', '--timeout', '15', '--disable-pip-version-check']
    await run(join(bin, 'pip'), ['install', ...quick, '-r', files[1] ?? ''])
    writeFileSync(complete, '')
    return bin
  } catch (error) {
    const reason = String(error).trim().split('\n').at(-1) ?? ''
    process.stdout.write(`skipped: Django 5, which PyPI did not give (${reason})\n`)
    return null
  }
}
