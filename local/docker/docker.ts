import { execFile } from 'node:child_process'

export interface RunOptions {
  /** Written to the program's standard input. */
  readonly input?: string
  /** Another engine than the one `DOCKER_HOST` (or the machine) names. */
  readonly dockerHost?: string
}

/** Runs a program without a shell; its standard output, or an error with what it said. */
export const run = (
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> => {
  const { input = '', dockerHost } = options
  const env = dockerHost === undefined ? process.env : { ...process.env, DOCKER_HOST: dockerHost }
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...args],
      { env, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        const said = stderr.trim() || stdout.trim() || error.message
        reject(new Error(`${program} ${args[0] ?? ''}: ${said}`, { cause: error }))
      },
    )
    // A program that ends without reading its input is judged by its exit code.
    child.stdin?.on('error', () => undefined).end(input)
  })
}

export const docker = (args: readonly string[], options?: RunOptions): Promise<string> =>
  run('docker', args, options)

/** The value of an image's label; null where there is no such image. */
export const imageLabel = async (
  image: string,
  label: string,
  options?: RunOptions,
): Promise<string | null> => {
  const format = `{{index .Config.Labels "${label}"}}`
  try {
    return (await docker(['image', 'inspect', '--format', format, image], options)).trim()
  } catch {
    return null
  }
}
