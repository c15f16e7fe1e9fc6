import type { TargetSettings } from '../deployment/app.ts'
import { unlimited, type PlannedTarget, type Target } from './target.ts'

type TargetKind = TargetSettings['kind']

/** What is made of a target's settings, one entry a kind. */
export type ByKind<Made> = {
  readonly [One in TargetKind]: (settings: Extract<TargetSettings, { readonly kind: One }>) => Made
}

/** The one place outside a target's own folder and src/config that tells targets apart by their kind. */
export const createByKind =
  <Made>(makers: ByKind<Made>) =>
  (settings: TargetSettings): Made => {
    switch (settings.kind) {
      case 'ec2':
        return makers.ec2(settings)
      case 'render':
        return makers.render(settings)
      case 'heroku':
        return makers.heroku(settings)
    }
  }

/** A kind that is not built. Nothing is ever sent to it: a deployment with such a target ends as it is opened. */
export const unsupported: Target & PlannedTarget = {
  candidates: () => Promise.resolve([]),
  capacity: () => Promise.resolve(unlimited),
  prepared: () => Promise.resolve([]),
  start: () => Promise.resolve({ operation: null, missing: [] }),
  observe: () => Promise.resolve([]),
  cancel: () => Promise.resolve(),
  look: () => Promise.resolve({ plan: () => ({ instances: [], findings: [] }) }),
}
