import { afterEach, expect, test, vi } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { ensureEngine } from '../../local/docker/engine.ts'

afterEach(() => vi.unstubAllEnvs())

const refusal = (host: string): RegExp =>
  new RegExp(`^the Docker Engine is at ${host}; .+ only an engine of this machine, behind unix://`)

const remote = [
  'ssh://deploy@prod.example',
  'tcp://10.0.0.7:2375',
  'tcp://127.0.0.1:2375',
  'https://prod.example:2376',
]

test.each(remote)(
  'starts and removes no container at %s, which DOCKER_HOST names',
  async (host) => {
    vi.stubEnv('DOCKER_HOST', host)
    await expect(docker(['rm', '--force', 'shop'])).rejects.toThrow(refusal(host))
  },
)

test.each(remote)(
  'starts and removes no container at %s, named as the engine',
  async (dockerHost) => {
    await expect(docker(['rm', '--force', 'shop'], { dockerHost })).rejects.toThrow(
      refusal(dockerHost),
    )
  },
)

test('says that the engine is remote before anything is started', async () => {
  vi.stubEnv('DOCKER_HOST', 'ssh://deploy@prod.example')
  await expect(ensureEngine(() => undefined)).rejects.toThrow(refusal('ssh://deploy@prod.example'))
})
