import * as z from 'zod'

/** A line of the table: what, and a cell for each server by its name. */
export const Row = z.object({ what: z.string(), cells: z.record(z.string(), z.string()) })
export type Row = z.infer<typeof Row>

export const Bar = z.object({
  what: z.string(),
  measured: z.string(),
  bar: z.string(),
  isKept: z.boolean(),
})
export type Bar = z.infer<typeof Bar>

export const PartResult = z.object({ rows: z.array(Row), bars: z.array(Bar) })
export type PartResult = z.infer<typeof PartResult>

/** From the values of each server to a cell. */
export const toCells = <Value>(
  values: ReadonlyMap<string, Value>,
  toCell: (value: Value, name: string) => string,
): Row['cells'] =>
  Object.fromEntries([...values].map(([name, value]) => [name, toCell(value, name)]))

/** In each round another one is first, so that none is always measured after the same. */
export const rotate = <Item>(items: readonly Item[], round: number): readonly Item[] => {
  const at = round % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}
