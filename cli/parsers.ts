/** `90s`, `10m`, `1h`; seconds where no unit is given. */
export const parseDuration = (text: string): number => {
  const [, number = '', unit = 's'] = /^(\d{1,6})(s|m|h)?$/.exec(text) ?? []
  const seconds = Number(number) * ({ s: 1, m: 60, h: 3600 }[unit] ?? 1)
  if (number === '' || seconds === 0) throw new Error('name a time such as 90s, 10m or 1h')
  return seconds
}

export const parseLimit = (text: string): number => {
  const limit = Number(text)
  if (!/^\d{1,3}$/.test(text) || limit < 1 || limit > 100)
    throw new Error('name a number from 1 to 100')
  return limit
}

export const parseText = (text: string): string => text
