import { InstanceId } from '../../kernel/id.ts'
import type { RenderSettings } from '../../deployment/app.ts'
import { unlimited, type Target } from '../target.ts'

/** What an opening asks of a service: it is there as one instance, and no command has to hold anything. */
export const createRenderSelection = ({
  key: target,
  service,
}: RenderSettings): Pick<Target, 'candidates' | 'capacity'> => ({
  candidates: () => Promise.resolve([{ id: InstanceId.parse(service), target, obstacle: null }]),
  capacity: () => Promise.resolve(unlimited),
})
