export const handler = (): Promise<unknown> => Promise.resolve({ outcome: 'not built yet' })
