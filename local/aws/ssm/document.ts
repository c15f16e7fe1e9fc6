import { createHash } from 'node:crypto'
import * as z from 'zod'
import { AwsError } from '../operation.ts'

const Parameter = z.object({
  type: z.enum(['String', 'StringList']),
  description: z.string().optional(),
  default: z.union([z.string(), z.array(z.string())]).optional(),
  allowedPattern: z.string().optional(),
  allowedValues: z.array(z.string()).optional(),
  minChars: z.number().optional(),
  maxChars: z.number().optional(),
  interpolationType: z.literal('ENV_VAR').optional(),
})
export type Parameter = z.infer<typeof Parameter>

const Step = z.object({
  action: z.literal('aws:runShellScript'),
  name: z.string(),
  inputs: z.object({
    runCommand: z.array(z.string()),
    timeoutSeconds: z.union([z.string(), z.number()]).optional(),
    workingDirectory: z.string().optional(),
    environment: z.record(z.string(), z.string()).optional(),
  }),
})

/** The part of schema 2.2 that this agent carries out: one shell step. */
export const DocumentContent = z.object({
  schemaVersion: z.literal('2.2'),
  description: z.string().optional(),
  parameters: z.record(z.string().regex(/^[a-zA-Z0-9]+$/), Parameter).default({}),
  mainSteps: z.tuple([Step]),
})
export type DocumentContent = z.infer<typeof DocumentContent>

export const Document = z.object({
  name: z.string(),
  /** As it was given; `hash` is the SHA-256 of it in hex. */
  text: z.string(),
  content: DocumentContent,
  hash: z.string(),
  createdAt: z.iso.datetime(),
})
export type Document = z.infer<typeof Document>

/** A document's JSON together with the values of one command. */
export const maxDocumentBytes = 64 * 1024

export const parseDocument = (name: string, text: string): Document => {
  if (Buffer.byteLength(text) > maxDocumentBytes)
    throw new AwsError('MaxDocumentSizeExceeded', 'The size limit of a document is 64 KB.')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new AwsError('InvalidDocumentContent', 'The content is not valid JSON.')
  }
  const content = DocumentContent.safeParse(json)
  if (!content.success) throw new AwsError('InvalidDocumentContent', z.prettifyError(content.error))
  const hash = createHash('sha256').update(text).digest('hex')
  return { name, text, content: content.data, hash, createdAt: new Date().toISOString() }
}

const defaultTimeoutSeconds = 3600

/** Out of 5 s … 48 h, or not a number, silently becomes an hour, as in the agent. */
export const toTimeoutSeconds = (content: DocumentContent): number => {
  const seconds = Number(content.mainSteps[0].inputs.timeoutSeconds ?? defaultTimeoutSeconds)
  return Number.isInteger(seconds) && seconds >= 5 && seconds <= 172_800
    ? seconds
    : defaultTimeoutSeconds
}
