import * as z from 'zod'
import { AwsError, operation, paginate, type Operations } from '../operation.ts'
import type { JsonFile } from '../../base/json-file.ts'
import { describeDocument } from './describe.ts'
import { Document, parseDocument } from './document.ts'

export const DocumentList = z.array(Document)

export interface Documents {
  /** By name or ARN. Throws InvalidDocument. */
  find(name: string): Document
  /** Creates or replaces it: what a stack update does. */
  ensure(name: string, text: string): void
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
  const create = operation(
    z.object({ Name: z.string().regex(/^[a-zA-Z0-9_.-]{3,128}$/), Content: z.string() }),
    ({ Name, Content }) => {
      if (documents.has(Name))
        throw new AwsError(
          'DocumentAlreadyExists',
          `Document with same name ${Name} already exists`,
        )
      const document = parseDocument(Name, Content)
      put(document)
      return { DocumentDescription: describeDocument(document) }
    },
  )
  return {
    find,
    ensure: (name, text) => put(parseDocument(name, text)),
    operations: {
      CreateDocument: create,
      ListDocuments: operation(Page, (input) => {
        const all = [...documents.values()].map(describeDocument)
        const { page, next } = paginate(all, input.MaxResults, input.NextToken)
        return { DocumentIdentifiers: page, NextToken: next }
      }),
    },
  }
}
