import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'

const folder = 'docs/decisions'
const files = readdirSync(folder).filter((file) => file !== 'README.md')
const numberOf = (file: string): string => file.slice(0, 4)

const form =
  /^# (\d{4})\. (.+)\n\n- Date: (.+)\n- Status: (accepted|superseded by \[\d{4}\]\((.+\.md)\))\n\n/

const readDecision = (file: string) => {
  const found = form.exec(readFileSync(`${folder}/${file}`, 'utf8')) ?? []
  const [, number = '', title = '', date = '', status = '', successor = null] = found
  return { number, title, date, status, successor }
}

const cellsOf = (row: string): readonly string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

describe('docs/decisions', () => {
  it.each(files)('%s begins with the number of its name, a title, a date and a status', (file) => {
    expect(file).toMatch(/^\d{4}-[a-z0-9-]+\.md$/)
    const { number, title, date } = readDecision(file)
    expect({ number, hasTitle: title !== '' }).toEqual({ number: numberOf(file), hasTitle: true })
    expect(z.iso.date().safeParse(date).success, date).toBe(true)
  })

  it('docs/decisions gives each decision its own number', () => {
    const numbers = files.map(numberOf)
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([])
  })

  it('a superseded decision names its successor', () => {
    const wrong = files.filter((file) => {
      const { successor } = readDecision(file)
      return successor !== null && !(files.includes(successor) && successor > file)
    })
    expect(wrong).toEqual([])
  })

  it('the index of docs/decisions lists each decision with title, date and status', () => {
    const index = readFileSync(`${folder}/README.md`, 'utf8')
    const listed = [...index.matchAll(/^\| \[.+$/gm)].map(([row]) => cellsOf(row))
    const expected = files.toSorted().map((file) => {
      const { number, title, date, status } = readDecision(file)
      return [`[${number}](${file})`, title, date, status]
    })
    expect(listed).toEqual(expected)
  })
})
