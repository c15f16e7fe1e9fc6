import * as z from 'zod'
import { toInstant, type Instant } from '../../kernel/clock.ts'
import { succeed } from '../../kernel/result.ts'
import { getFromHeroku, type AskHeroku, type FromHeroku } from './api.ts'

const Dyno = z.object({
  name: z.string().max(100),
  type: z.string(),
  state: z.string(),
  release: z.object({ version: z.int().nonnegative() }).nullish(),
  created_at: z.iso.datetime({ offset: true }).transform((text) => toInstant(new Date(text))),
})
export type Dyno = z.infer<typeof Dyno>

export const listDynos = (ask: AskHeroku): FromHeroku<readonly Dyno[]> =>
  getFromHeroku(ask, { path: '/dynos' }, z.array(Dyno), 'dynos')

export const restartDynos = async (ask: AskHeroku): FromHeroku<null> => {
  const answered = await ask({ method: 'DELETE', path: '/dynos' })
  return answered.ok ? succeed(null) : answered
}

/** Stops the release phase of a release, which fails that. */
export const stopReleasePhase = async (ask: AskHeroku, version: number): FromHeroku<null> => {
  const dynos = await listDynos(ask)
  if (!dynos.ok) return dynos
  const own = dynos.value.filter(
    ({ type, release }) => type === 'release' && release?.version === version,
  )
  for (const { name } of own) {
    const path = `/dynos/${encodeURIComponent(name)}/actions/stop`
    const answered = await ask({ method: 'POST', path })
    // Heroku refuses for one that has ended, which is as good.
    if (!answered.ok && answered.error.kind === 'later') return answered
  }
  return succeed(null)
}

/** Those that run a release, or a later one. */
export const selectDynos = (
  dynos: readonly Dyno[],
  process: string,
  version: number,
  since: Instant | null,
): readonly Dyno[] =>
  dynos.filter(
    ({ type, release, created_at }) =>
      type === process &&
      (release?.version ?? 0) >= version &&
      (since === null || created_at >= since),
  )
