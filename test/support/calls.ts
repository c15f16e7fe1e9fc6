/** Every port call of a run goes through one of these: to count, kill, pause, fail or schedule it. */
export type Call = <Value>(name: string, effect: () => Value) => Promise<Value>

export const plainly: Call = (_name, effect) => Promise.resolve().then(effect)
