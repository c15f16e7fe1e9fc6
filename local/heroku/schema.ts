import * as z from 'zod'

// Of Heroku's published schema: the requests that a deployer sends. Whatever is not in it is against the
// rules. `docker_image` is in none; it is what Heroku's own command line sends.

export const ConfigChanges = z.record(z.string().regex(/^\w+$/), z.string().nullable())
export type ConfigChanges = z.infer<typeof ConfigChanges>

export const FormationUpdate = z.strictObject({
  updates: z
    .array(
      z.strictObject({
        type: z.string().regex(/^[-\w]{1,128}$/),
        /** Null removes the process type. */
        docker_image: z
          .string()
          .regex(/^sha256:[0-9a-f]{64}$/)
          .nullable(),
      }),
    )
    .min(1),
})

export const Rollback = z.strictObject({ release: z.uuid() })

export const Nothing = z.undefined()
