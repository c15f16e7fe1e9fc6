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

const refuseRemote = (host: string): string => {
  if (host.startsWith('unix://')) return host
  throw new Error(
    `the Docker Engine is at ${host}; containers are started and removed there, so only an engine of this machine, behind unix://, is used: unset DOCKER_HOST, or choose a local one by "docker context use"`,
  )
}

let contextHost: Promise<string> | null = null

const readContextHost = (): Promise<string> => {
  const format = '{{.Endpoints.docker.Host}}'
  contextHost ??= run('docker', ['context', 'inspect', '--format', format]).catch(
    (error: unknown) => {
      contextHost = null
      throw error
    },
  )
  return contextHost
}

/**
 * Where the engine is that `DOCKER_HOST`, or else the context of the docker command line names.
 *
 * @throws where that is not on this machine
 */
export const findEngineHost = async (): Promise<string> => {
  const named = process.env['DOCKER_HOST'] ?? ''
  return refuseRemote(named === '' ? (await readContextHost()).trim() : named)
}

export const docker = async (
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> => {
  const dockerHost =
    options.dockerHost === undefined ? await findEngineHost() : refuseRemote(options.dockerHost)
  return run('docker', args, { ...options, dockerHost })
}

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
