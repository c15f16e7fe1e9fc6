import type { TargetSettings } from '../deployment/app.ts'

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
