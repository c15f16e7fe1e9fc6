import type { AuthorizationRequest, Statement } from './policy.ts'

// A grant is the least that a statement allows: one action on one resource, and one action for one value
// of a condition. A statement of two actions and three partitions has six of them, and a grant that
// nothing uses shows that the statement is too wide.

const onResource = ({ name }: Statement, action: string, resource: string): string =>
  `${name}: ${action} on ${resource}`

const whereKey = ({ name }: Statement, action: string, key: string, value: string): string =>
  `${name}: ${action} where ${key} is ${value}`

/** All grants of a statement; a Deny has none. */
export const toGrants = (statement: Statement): readonly string[] =>
  statement.effect === 'Deny'
    ? []
    : statement.actions.flatMap(({ text: action }) => [
        ...statement.resources.map(({ text }) => onResource(statement, action, text)),
        ...statement.conditions.flatMap(({ key, values }) =>
          values.map((value) => whereKey(statement, action, key, value)),
        ),
      ])

/** Those of the grants of an applying statement that this request needed. */
export const toExercised = (
  statement: Statement,
  { action, resource, context }: AuthorizationRequest,
): readonly string[] =>
  statement.actions
    .filter(({ matches }) => matches(action))
    .flatMap(({ text: allowed }) => [
      ...statement.resources
        .filter(({ matches }) => matches(resource))
        .map(({ text }) => onResource(statement, allowed, text)),
      ...statement.conditions.flatMap(({ key, matched }) =>
        matched(context).map((value) => whereKey(statement, allowed, key, value)),
      ),
    ])
