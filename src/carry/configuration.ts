import * as z from 'zod'
import { Digest } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { refuseCarry, type CarryFailure } from './failure.ts'
import type { Image } from './manifest.ts'

const CarriedConfiguration = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(Digest) }),
  config: z.looseObject({}).nullish(),
})
export type CarriedConfiguration = z.infer<typeof CarriedConfiguration>

/** An image's configuration, where Heroku can run what it describes. */
export const parseCarriedConfiguration = (
  body: Uint8Array,
  { layers }: Pick<Image, 'layers'>,
): Result<CarriedConfiguration, CarryFailure> => {
  const configuration = parseJson(CarriedConfiguration, body)
  if (configuration === null)
    return refuseCarry('image_invalid', 'its configuration is not one of a container image')
  const { os, architecture, rootfs } = configuration
  if (os !== 'linux' || architecture !== 'amd64')
    return refuseCarry(
      'platform_missing',
      'Heroku runs linux/amd64, and the image is for another platform: build it for linux/amd64 too',
    )
  if (rootfs.diff_ids.length !== layers.length)
    return refuseCarry(
      'image_invalid',
      `it has ${layers.length} layers, and its configuration tells of ${rootfs.diff_ids.length}`,
    )
  return succeed(configuration)
}

/**
 * The same with a command instead of the image's own. The image's entrypoint would wrap it, so the command's
 * first words take its place. Neither list is empty: without an entrypoint Heroku runs the command by
 * `/bin/sh -c`, and an image without a command it refuses. `Cmd` is one word, which Heroku has been seen to
 * make of several (docs/decisions/0033-carry.md).
 */
const toStart = (command: readonly [string, ...string[]]) =>
  command.length > 1
    ? { Entrypoint: command.slice(0, -1), Cmd: command.slice(-1) }
    : { Entrypoint: ['/bin/sh', '-c', 'exec "$0"'], Cmd: [...command] }

/** The configuration of the same image with another command: for the same input the same bytes. */
export const renderWithCommand = (
  configuration: CarriedConfiguration,
  command: readonly [string, ...string[]],
  attempt?: number,
): string => {
  // Docker reads the names of fields without regard to their case.
  const kept = Object.entries(configuration.config ?? {}).filter(
    ([name]) => !/^(entrypoint|cmd)$/i.test(name),
  )
  return JSON.stringify({
    ...configuration,
    config: { ...Object.fromEntries(kept), ...toStart(command) },
    // A field of its own, which container runtimes leave alone.
    ...(attempt !== undefined && { 'landfall.attempt': attempt }),
  })
}
