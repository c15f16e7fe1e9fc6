import type { TargetSettings } from '../deployment/app.ts'
import { unlimited, type PlannedTarget, type Target } from './target.ts'

/** The one place outside a target's own folder and src/config that compares the kind of a target. */
export const createByKind =
  <Made>(makers: {
    readonly [Kind in TargetSettings['kind']]: (
      settings: Extract<TargetSettings, { readonly kind: Kind }>,
    ) => Made
  }) =>
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

/** A kind that is not built: a deployment with such a target ends at its opening, so nothing is sent to it. */
export const unsupported: Target & PlannedTarget = {
  candidates: () => Promise.resolve([]),
  capacity: () => Promise.resolve(unlimited),
  prepared: () => Promise.resolve([]),
  start: () => Promise.resolve({ operation: null, missing: [] }),
  observe: () => Promise.resolve([]),
  cancel: () => Promise.resolve(),
  look: () => Promise.resolve({ plan: () => ({ instances: [], findings: [] }) }),
}
