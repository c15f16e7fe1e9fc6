import type { Answer } from '../base/vendor.ts'

const toAnswer = (status: number, message: string): Answer => ({ status, body: { message } })

export const badRequest = (message: string): Answer => toAnswer(400, message)
export const unauthorized: Answer = toAnswer(401, 'Unauthorized')
export const notFound = (what: string): Answer => toAnswer(404, `not found: ${what}`)
export const notAcceptable: Answer = toAnswer(406, 'not acceptable')
export const conflict = (message: string): Answer => toAnswer(409, message)
export const gone = (what: string): Answer => toAnswer(410, `gone: ${what}`)
export const tooMany: Answer = toAnswer(429, 'rate limit exceeded')
