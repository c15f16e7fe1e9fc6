import { docker } from '../../local/docker/docker.ts'
import { publishProxyImage } from '../../local/docker/pin-proxy.ts'
import { Health, toInterval } from '../../src/config/health.ts'
import { Instance } from '../../test/host/instance.ts'
import { own, type Server } from './server.ts'
import { serverAddress } from './site.ts'

const app = 'rivals'

/** The documents `prepare` and `deploy` as the agent of an instance runs them, on this engine, with the usual settings. */
export const createLandfall = async (registry: string, port: number): Promise<Server> => {
  const instance = new Instance('i-00000001', port)
  instance.proxyImage = (await publishProxyImage(registry)).pinned
  await instance.prepare(app)
  const health = Health.parse({})
  const haproxy = await docker(['run', '--rm', instance.proxyImage, '-v'])
  let generation = 0
  return {
    name: own,
    version: `HAProxy ${/version (\S+)/.exec(haproxy)?.[1] ?? 'unknown'}`,
    url: `http://${serverAddress}:${port}/`,
    proxy: `landfall-proxy-${serverAddress}-${port}`,
    app: () => `landfall-${app}.${generation}`,
    deploy: async ({ image, digest }, onOrder = () => undefined) => {
      generation += 1
      const settings = {
        publishAddress: serverAddress,
        healthInterval: toInterval({ strategy: 'blue-green', health }),
        healthTimes: health.times,
        stopTimeout: 30,
      }
      const order = { app, generation, fence: generation, image, digest, settings }
      const parameters = await instance.parameters(order)
      onOrder()
      const answer = await instance.run('deploy', parameters)
      if (answer.outcome !== 'succeeded') throw new Error(`Landfall: ${answer.output}`)
    },
  }
}
