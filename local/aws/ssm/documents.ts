import * as z from 'zod'
import { AwsError, operation, paginate, type Operations } from '../operation.ts'
import type { JsonFile } from '../../base/json-file.ts'
import { describeDocument } from './describe.ts'
import { Document, parseDocument } from './document.ts'

export const DocumentList = z.array(Document)

export interface Documents {
  /** By name or ARN. Throws InvalidDocument. */
  find(name: string): Document
  /** Creates or replaces it, as a stack update does: no API call can, so that no caller can have a script of its own run. */
  readonly ensure: (name: string, text: string) => void
  readonly operations: Operations
}

const Page = z.object({
  MaxResults: z.number().int().min(1).max(50).default(50),
  NextToken: z.string().optional(),
})

export const openDocuments = (file: JsonFile<z.infer<typeof DocumentList>>): Documents => {
  const documents = new Map((file.read() ?? []).map((document) => [document.name, document]))
  const put = (document: Document): void => {
    documents.set(document.name, document)
    file.write([...documents.values()])
  }
  const find = (name: string): Document => {
    const document = documents.get(name.split(':document/').at(-1) ?? name)
    if (!document)
      throw new AwsError('InvalidDocument', `Document with name ${name} does not exist.`)
    return document
  }
  return {
    find,
    ensure: (name, text) => put(parseDocument(name, text)),
    operations: {
      ListDocuments: operation(Page, (input) => {
        const all = [...documents.values()].map(describeDocument)
        const { page, next } = paginate(all, input.MaxResults, input.NextToken)
        return { DocumentIdentifiers: page, NextToken: next }
      }),
    },
  }
}
