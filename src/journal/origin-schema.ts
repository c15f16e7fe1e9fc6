import * as z from 'zod'
import type { Origin } from '../kernel/origin.ts'

const told = z.string().nullable()

/** Null in what an earlier Landfall wrote. */
export const originSchema = z
  .looseObject({ title: told, author: told, login: told, runUrl: told, compareUrl: told })
  .nullable()
  .default(null) satisfies z.ZodType<Origin | null>
