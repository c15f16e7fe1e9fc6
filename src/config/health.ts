import * as z from 'zod'
import { HostName } from './address.ts'
import { StatusRange, duration, textLike, wholeNumber } from './values.ts'

/** When a new container, or an app at Heroku, is healthy. */
export const Health = z
  .strictObject({
    path: textLike(
      'a path that begins with / and holds no spaces, no # and nothing but ASCII (é is %C3%A9)',
      /^\/[!"$-~]*$/,
    ).default('/'),
    host: HostName.optional().describe('The Host header; the first of hosts where it is left out.'),
    expect: StatusRange.prefault('200-299').describe(
      'Redirects are not followed; one to the same path never counts.',
    ),
    contains: textLike('a text of one line and at most 200 characters', /^[^\p{Cc}]{1,200}$/u)
      .optional()
      .describe('A text that the body must have, such as "database": "ok".'),
    scheme: z
      .enum(['http', 'https'], { error: 'http or https' })
      .optional()
      .describe(
        'What the check says in X-Forwarded-Proto: https where TLS ends in front of the app, which is the default where publish has a loopback address.',
      ),
    interval: duration(0.1, 60)
      .optional()
      .describe('From one check to the next: 0.3s where it is left out; for a worker 1s.'),
    times: wholeNumber(1, 20).default(2).describe('How many checks in a row must pass.'),
    timeout: duration(1, 900).prefault('2m').describe('How long it may take to become healthy.'),
  })
  .describe(
    'When the new container is healthy. For a worker, how long it must stay up: interval × times.',
  )

/** Seconds. A worker is only watched, so that the time it is watched has to show that it does not end at once. */
export const toInterval = ({
  strategy,
  health,
}: {
  readonly strategy?: string | undefined
  readonly health: Pick<z.infer<typeof Health>, 'interval'>
}): number => health.interval ?? (strategy === 'worker' ? 1 : 0.3)
