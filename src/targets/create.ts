import type { TargetSettings } from '../deployment/app.ts'

type Kind = TargetSettings['kind']

/** What is made of a target's settings, one entry a kind. */
export type ByKind<Made> = {
  readonly [One in Kind]: (settings: Extract<TargetSettings, { readonly kind: One }>) => Made
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
