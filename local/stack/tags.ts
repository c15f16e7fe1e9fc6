import type { Configuration } from '../../src/deployment/app.ts'
import type { Tag } from '../aws/index.ts'

/** What every local instance carries: the stage's tag and each tag that an app selects by. */
export const toTags = ({ apps }: Configuration): readonly Tag[] => {
  const selected = apps
    .flatMap(({ targets }) => targets)
    .flatMap((target) => (target.kind === 'ec2' ? [target.instances] : []))
    .flatMap((selector) =>
      selector.kind === 'tag' ? [{ key: selector.key, value: selector.value }] : [],
    )
  const all = [{ key: 'landfall:stage', value: 'local' }, ...selected]
  const named = all.some(({ key }) => key === 'Name')
    ? all
    : [...all, { key: 'Name', value: 'demo' }]
  return named.filter(
    (tag, index) =>
      named.findIndex(({ key, value }) => key === tag.key && value === tag.value) === index,
  )
}
