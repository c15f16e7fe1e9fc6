import { stripVTControlCharacters } from 'node:util'
import { toPlainLine } from '../src/kernel/plain-line.ts'
import type { Paint } from './terminal.ts'

// Strangers write titles, messages and tails: each gets to a terminal as one plain line.

export const safe = (text: string, most = 300): string => toPlainLine(text, most)

/** `9be01d4`, `sha256:4f4f0123` */
export const shortRevision = (revision: string): string =>
  revision.startsWith('sha256:') ? revision.slice(0, 15) : revision.slice(0, 7)

interface Named {
  readonly generation: number
  readonly commit: string | null
  readonly digest: string
  readonly origin?: { readonly title: string | null; readonly author: string | null } | null
}

/** `#42 9be01d4 "Add a search field" (ada)` */
export const nameRelease = ({ generation, commit, digest, origin }: Named): string => {
  const title = origin?.title ? ` "${safe(origin.title, 120)}"` : ''
  const author = origin?.author ? ` (${safe(origin.author, 60)})` : ''
  return `#${generation} ${shortRevision(commit ?? digest)}${title}${author}`
}

/** `0:31`, `1:02:03` */
export const renderDuration = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  const two = (value: number): string => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`
}

export const secondsFrom = (from: string, to: string | number): number =>
  ((typeof to === 'number' ? to : Date.parse(to)) - Date.parse(from)) / 1000

/** `3 min ago` */
export const toAge = (from: string, now: number): string => {
  const seconds = secondsFrom(from, now)
  const steps: readonly (readonly [most: number, size: number, unit: string])[] = [
    [90, 1, 's'],
    [90 * 60, 60, 'min'],
    [36 * 3600, 3600, 'h'],
    [Infinity, 86_400, 'days'],
  ]
  const [, size, unit] = steps.find(([most]) => seconds < most) ?? [0, 1, 's']
  return `${Math.max(0, Math.round(seconds / size))} ${unit} ago`
}

const statusStyles = {
  succeeded: ['green', '✔'],
  failed: ['red', '✖'],
  cancelled: ['yellow', '■'],
  rolled_back: ['yellow', '↩'],
  in_progress: ['cyan', '●'],
  queued: ['cyan', '○'],
} as const

const isStatus = (status: string): status is keyof typeof statusStyles =>
  Object.hasOwn(statusStyles, status)

/** A sign and a word: colour alone says nothing. */
export const markStatus = (status: string, paint: Paint): string => {
  if (!isStatus(status)) return safe(status, 40)
  const [style, sign] = statusStyles[status]
  return paint(style, `${sign} ${status.replace('_', ' ')}`)
}

const stepStyles: Readonly<Record<string, readonly ['green' | 'red' | 'cyan' | 'dim', string]>> = {
  succeeded: ['green', '✔'],
  failed: ['red', '✖'],
  timed_out: ['red', '✖'],
  cancelled: ['red', '■'],
  running: ['cyan', '●'],
}

/** `✔ pull 6.1s` */
export const markStep = (
  step: { readonly name: string; readonly status: string; readonly seconds: number | null },
  paint: Paint,
): string => {
  const [style, sign] = stepStyles[step.status] ?? ['dim', '○']
  const word =
    step.status === 'succeeded' || step.status === 'pending' ? '' : ` ${safe(step.status, 20)}`
  const time = step.seconds === null ? '' : ` ${step.seconds.toFixed(1)}s`
  return paint(style, `${sign} ${safe(step.name, 40)}${word}${time}`)
}

const widthOf = (cell: string): number => Array.from(stripVTControlCharacters(cell)).length

/** Columns side by side; the last one is not padded. */
export const renderTable = (rows: readonly (readonly string[])[]): readonly string[] => {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd(),
  )
}
