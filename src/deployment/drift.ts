import type { Ended, InstanceState } from './deployment.ts'
import type { Head, Place } from './head.ts'
import { indexNames, isDrift } from './places.ts'

/** For the reason why it ended: what is still to be put right at the end. */
const sayDrift = (ended: Ended, { id, status, reason }: InstanceState): string => {
  if (status === 'succeeded') return `${id} was put right`
  if (status === 'failed' && reason === 'drifted') return `${id} is left as it is (drift: report)`
  const why = status === 'pending' ? ended.reason : reason
  return `${id} could not be put right (${why ?? 'no_answer'})`
}

/** Told once, however often it is met again. */
const isNew = (head: Head, instance: InstanceState, place: Place | null): boolean =>
  isDrift(head, place) &&
  place?.reason !== 'drifted' &&
  (instance.touched || instance.reason === 'drifted')

/** What a repair that has ended found changed by hand, for people; null where there was nothing new. */
export const findDrift = (head: Head, ended: Ended): string | null => {
  const placeOf = indexNames(head.places)
  const drifted = ended.instances.filter((instance) => isNew(head, instance, placeOf(instance)))
  if (drifted.length === 0) return null
  return drifted.map((one) => sayDrift(ended, one)).join('; ')
}
