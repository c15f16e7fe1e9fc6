import * as z from 'zod'
import { toArn, type Account } from '../account.ts'
import type { AuthorizationRequest, ToRequests } from './policy.ts'

/** The partition key's attribute of each table, and of each index, by `table` and `table/index/name`. */
export type TableKeys = ReadonlyMap<string, string>

const KeySchema = z
  .array(z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) }))
  .transform((keys) => keys.find(({ KeyType }) => KeyType === 'HASH')?.AttributeName ?? '')
const Table = z.looseObject({
  TableName: z.string(),
  KeySchema,
  GlobalSecondaryIndexes: z.array(z.looseObject({ IndexName: z.string(), KeySchema })).default([]),
})

/** From the inputs of CreateTable. */
export const toTableKeys = (tables: readonly unknown[]): TableKeys =>
  new Map(
    tables.flatMap((input) => {
      const { TableName, KeySchema: key, GlobalSecondaryIndexes: indexes } = Table.parse(input)
      const ofIndexes = indexes.map(
        ({ IndexName, KeySchema: key }) => [`${TableName}/index/${IndexName}`, key] as const,
      )
      return [[TableName, key] as const, ...ofIndexes]
    }),
  )

/** `{ S: 'app#shop' }` */
const Value = z
  .union([z.object({ S: z.string() }), z.object({ N: z.string() }), z.object({ B: z.string() })])
  .transform((value) => Object.values(value).join(''))
const Attributes = z.record(z.string(), z.unknown())

const OfKey = z.looseObject({ TableName: z.string(), Key: Attributes })
const OfItem = z.looseObject({ TableName: z.string(), Item: Attributes })
const OfKeys = z.looseObject({
  RequestItems: z.record(z.string(), z.looseObject({ Keys: z.array(Attributes) })),
})
const OfQuery = z.looseObject({
  TableName: z.string(),
  IndexName: z.string().optional(),
  KeyConditionExpression: z.string(),
  ExpressionAttributeNames: z.record(z.string(), z.string()).default({}),
  ExpressionAttributeValues: Attributes,
})

/** The value that a query's partition key has to equal: every query names one. */
const toQueried = (query: z.infer<typeof OfQuery>, key: string): string => {
  const { ExpressionAttributeNames: names, ExpressionAttributeValues: values } = query
  const equations = query.KeyConditionExpression.matchAll(/(#?[\w.-]+)\s*=\s*(:\w+)/g)
  for (const [, name = '', value = ''] of equations)
    if ((names[name] ?? name) === key) return Value.parse(values[value])
  throw new Error(`the query "${query.KeyConditionExpression}" equates ${key} with nothing`)
}

export const createTableRequests = (
  account: Account,
  keys: TableKeys,
): Readonly<Record<string, ToRequests>> => {
  const toKeyName = (table: string): string => {
    const name = keys.get(table)
    if (name === undefined) throw new Error(`the key of ${table} is not known`)
    return name
  }
  const toRequest = (
    action: string,
    table: string,
    leading: readonly string[],
  ): AuthorizationRequest => ({
    action: `dynamodb:${action}`,
    resource: toArn(account, 'dynamodb', `table/${table}`),
    context: new Map([['dynamodb:leadingkeys', leading]]),
  })
  const toLeading = (table: string, attributes: z.infer<typeof Attributes>): string =>
    Value.parse(attributes[toKeyName(table)])
  const ofKey =
    (action: string): ToRequests =>
    (input) => {
      const { TableName: table, Key: key } = OfKey.parse(input)
      return [toRequest(action, table, [toLeading(table, key)])]
    }
  return {
    'dynamodb GetItem': ofKey('GetItem'),
    'dynamodb UpdateItem': ofKey('UpdateItem'),
    'dynamodb DeleteItem': ofKey('DeleteItem'),
    'dynamodb PutItem': (input) => {
      const { TableName: table, Item: item } = OfItem.parse(input)
      return [toRequest('PutItem', table, [toLeading(table, item)])]
    },
    'dynamodb BatchGetItem': (input) =>
      Object.entries(OfKeys.parse(input).RequestItems).map(([table, { Keys }]) =>
        toRequest(
          'BatchGetItem',
          table,
          Keys.map((key) => toLeading(table, key)),
        ),
      ),
    'dynamodb Query': (input) => {
      const query = OfQuery.parse(input)
      const { TableName: table, IndexName: index } = query
      const asked = index === undefined ? table : `${table}/index/${index}`
      return [toRequest('Query', asked, [toQueried(query, toKeyName(asked))])]
    },
  }
}
