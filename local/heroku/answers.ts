import type { Answer } from '../base/vendor.ts'

const refuse = (status: number, id: string, message: string, more = {}): Answer => ({
  status,
  body: { id, message, ...more },
})

export const unauthorized = refuse(401, 'unauthorized', 'Invalid credentials provided.')
export const forbidden = (app: string): Answer =>
  refuse(403, 'forbidden', `You do not have access to the app ${app}.`)
export const suspended = refuse(403, 'suspended', 'The application was suspended.')
export const notFound = (resource: string): Answer =>
  refuse(404, 'not_found', `Couldn't find that ${resource}.`, { resource })
export const invalid = (message: string): Answer => refuse(422, 'invalid_params', message)
export const tooMany = refuse(429, 'rate_limit', 'Your account reached the API rate limit.', {
  url: 'https://devcenter.heroku.com/articles/platform-api-reference#rate-limits',
})
