import { composeWebhook } from '../src/compose/webhook.ts'

export const handler = composeWebhook()
