import type { Story } from './story.ts'

/** Drops events and mishaps for as long as what is looked for stays: greedily, halves first. */
export const minimise = async (
  story: Story,
  isStill: (story: Story) => Promise<boolean>,
): Promise<Story> => {
  let smallest = story
  for (let size = Math.ceil(story.events.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < smallest.events.length;) {
      const { events } = smallest
      const fewer = {
        ...smallest,
        events: [...events.slice(0, from), ...events.slice(from + size)],
      }
      if (await isStill(fewer)) smallest = fewer
      else from += size
    }
  }
  for (const mishap of story.setup.mishaps) {
    const mishaps = smallest.setup.mishaps.filter((one) => one !== mishap)
    const fewer = { ...smallest, setup: { ...smallest.setup, mishaps } }
    if (await isStill(fewer)) smallest = fewer
  }
  for (const changes of [
    { faultsPercent: 0 },
    { untoldPercent: 0 },
    { hasSecret: false },
    { reports: [] },
    { render: 'none' as const },
  ]) {
    const simpler = { ...smallest, setup: { ...smallest.setup, ...changes } }
    if (await isStill(simpler)) smallest = simpler
  }
  return smallest
}
