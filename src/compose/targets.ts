import { createMaskOutput, createMeasureEnvelope, createSealEnvelope } from '../targets/ec2/seal.ts'
import { createEc2Target } from '../targets/ec2/ec2.ts'
import { createMeasureImage } from '../targets/ec2/measure-image.ts'
import type { Commands, Ec2Stage, Fleet } from '../targets/ec2/ports.ts'
import type { ReadSecret } from '../secrets/app-secret.ts'
import type { Certificates } from '../targets/ec2/certificates.ts'
import { createOpenRender } from '../targets/render/api.ts'
import type { RenderPorts } from '../targets/render/ports.ts'
import { createRenderTarget } from '../targets/render/render.ts'
import { sleep, systemClock } from '../kernel/clock.ts'
import type { Release } from '../deployment/deployment.ts'
import { findImageSize, type ImageSize } from '../registry/size.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { Retryable } from '../kernel/retryable.ts'
import { http } from '../kernel/http.ts'
import { listPlatforms } from '../registry/platforms.ts'
import { createRegistry } from '../registry/registry.ts'
import type { RegistryLogin } from '../registry/session.ts'
import type { App } from '../deployment/app.ts'
import { createByKind } from '../targets/create.ts'
import { unlimited } from '../targets/target.ts'
import type { ImageFailure, Images, ReconcilePorts } from '../rollout/ports.ts'
import { parseRegistrySecret } from '../secrets/registry-secret.ts'

interface TargetParts {
  readonly commands: Commands
  readonly fleet: Fleet
  readonly certificates: Certificates
  readonly readSecret: ReadSecret
  readonly environment: {
    readonly OWNER: string
    readonly PREPARE_DOCUMENT: string
    readonly DEPLOY_DOCUMENT: string
    readonly PROXY_IMAGE: string
    readonly SUBNET: string
    readonly RENDER_API: string
  }
}

const toStage = (environment: TargetParts['environment']): Ec2Stage => ({
  prepareDocument: environment.PREPARE_DOCUMENT,
  deployDocument: environment.DEPLOY_DOCUMENT,
  owner: environment.OWNER,
  proxyImage: environment.PROXY_IMAGE,
  subnet: environment.SUBNET,
})

/** Chooses the implementation of a target by its kind. */
export const createToTarget = ({
  commands,
  fleet,
  certificates,
  readSecret,
  environment,
}: TargetParts): ReconcilePorts['toTarget'] => {
  const ec2 = {
    commands,
    fleet,
    certificates,
    sealEnvelope: createSealEnvelope(readSecret),
    measureEnvelope: createMeasureEnvelope(readSecret),
    measureImage: createMeasureImage(createFindSize(readSecret), sleep),
    maskOutput: createMaskOutput(readSecret),
    stage: toStage(environment),
    clock: systemClock,
  }
  const render = {
    open: createOpenRender({
      http,
      readSecret,
      clock: systemClock,
      baseUrl: environment.RENDER_API,
    }),
    readSecret,
    listPlatforms: createListPlatforms(readSecret),
    clock: systemClock,
  }
  return createByKind({
    ec2: (settings) => createEc2Target(ec2, settings),
    render: (settings) => createRenderTarget(render, settings),
    heroku: createUnsupportedTarget,
  })
}

/** Nothing is ever sent to it: a deployment with such a target ends as it is opened. */
const createUnsupportedTarget = (): ReturnType<ReconcilePorts['toTarget']> => ({
  candidates: () => Promise.resolve([]),
  capacity: () => Promise.resolve(unlimited),
  prepared: () => Promise.resolve([]),
  start: () => Promise.resolve({ operation: null, missing: [] }),
  observe: () => Promise.resolve([]),
  cancel: () => Promise.resolve(),
})

type Login = Result<RegistryLogin | null, ImageFailure>

const readLogin = async (readSecret: ReadSecret, { registry }: App): Promise<Login> => {
  if (registry === null) return succeed(null)
  const secret = await readSecret(registry, null)
  if (!secret.ok && secret.error === 'secret_unavailable')
    throw new Retryable(`the secret ${registry} could not be read now`)
  const login = secret.ok ? parseRegistrySecret(secret.value.value) : fail('secret_missing')
  return login.ok ? login : fail({ reason: 'registry_unauthorized', retryAfterSeconds: null })
}

/** Asks the registry, with the app's credentials where it has any. */
export const createImages = (readSecret: ReadSecret): Images => {
  const registry = createRegistry(http)
  return {
    findDigest: async (app, tag) => {
      const login = await readLogin(readSecret, app)
      return login.ok ? registry.findDigest(app.image, tag, login.value) : login
    },
    findCommit: async (app, digest) => {
      const login = await readLogin(readSecret, app)
      return login.ok ? registry.findCommit(app.image, digest, login.value) : login
    },
  }
}

const createFindSize = (readSecret: ReadSecret) => {
  const registry = createRegistry(http)
  return async ({ settings, digest }: Release): Promise<ImageSize> => {
    const login = await readLogin(readSecret, settings)
    return login.ok
      ? findImageSize(registry, settings.image, digest, null, login.value)
      : { kind: 'unknown' }
  }
}

const createListPlatforms = (readSecret: ReadSecret): RenderPorts['listPlatforms'] => {
  const registry = createRegistry(http)
  return async ({ settings, digest }) => {
    const login = await readLogin(readSecret, settings)
    const listed = await listPlatforms(
      registry,
      settings.image,
      digest,
      login.ok ? login.value : null,
    )
    if (!listed.ok) throw new Retryable(`the registry did not tell what ${digest} consists of`)
    return listed.value
  }
}

export const createHasSecretVersion =
  (readSecret: ReadSecret): ReconcilePorts['hasSecretVersion'] =>
  async (name, version) => {
    const secret = await readSecret(name, version)
    if (secret.ok || secret.error === 'secret_missing') return secret.ok
    throw new Retryable(`the secret ${name} could not be read now`)
  }

export const createReadSecretVersion =
  (readSecret: ReadSecret): ReconcilePorts['readSecretVersion'] =>
  async (name) => {
    const secret = await readSecret(name, null)
    if (secret.ok) return succeed(secret.value.versionId)
    if (secret.error === 'secret_missing') return fail('secret_missing')
    throw new Retryable(`the secret ${name} could not be read now`)
  }
