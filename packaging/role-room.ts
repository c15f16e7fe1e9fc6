/** IAM takes so many characters of a role's inline policies, all of them together and without blanks. */
const mostPolicyCharacters = 10_240

/** What a role's own policy takes beside the secrets of landfall.yml, under a stage's longest name. */
export const otherPolicyCharacters = 4_800

/** A policy that follows from landfall.yml, beside the one that a role has in packaging/roles.yml. */
export interface InlinePolicy {
  readonly Type: 'AWS::IAM::Policy'
  readonly Properties: {
    readonly PolicyName: string
    readonly PolicyDocument: object
    readonly Roles: readonly { readonly Ref: string }[]
  }
}

/** @param names of functions: `Reconcile` */
export const toRoleRefs = (names: readonly string[]) =>
  names.map((name) => ({ Ref: `${name}Role` }))

/** What CloudFormation makes of it where partition and region have the longest names together. */
const resolve = (text: string): string =>
  text
    .replaceAll('${AWS::Partition}', 'aws-us-gov')
    .replaceAll('${AWS::Region}', 'us-gov-west-1')
    .replaceAll('${AWS::AccountId}', '123456789012')
    .replaceAll('${AWS::URLSuffix}', 'amazonaws.com.cn')

/** Each `{"Fn::Sub":"…"}` of a policy is a string there. */
const lengthOf = (policy: unknown): number =>
  resolve(JSON.stringify(policy).replaceAll(/\{"Fn::Sub":("[^"]*")\}/g, '$1')).length

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

/**
 * What to tell of a role that IAM would not take with all that landfall.yml names: without this the stack's deployment
 * would end in CREATE_FAILED. Null where each role has room.
 *
 * @param secrets the ARNs that each function reads
 */
export const findCrowdedRole = (
  secrets: Readonly<Record<string, readonly object[]>>,
  policies: readonly InlinePolicy[],
): string | null => {
  const room = mostPolicyCharacters - otherPolicyCharacters
  const needs = Object.entries(secrets).map(([name, arns]) => {
    const isRead = ({ Properties: { Roles } }: InlinePolicy) =>
      Roles.some(({ Ref }) => Ref.toLowerCase() === `${name}role`)
    return {
      name,
      count: arns.length,
      // Each with a comma.
      forSecrets: sum(arns.map((arn) => lengthOf(arn) + 1)),
      beside: sum(policies.filter(isRead).map((one) => lengthOf(one.Properties.PolicyDocument))),
    }
  })
  const crowded = needs.find(({ forSecrets, beside }) => forSecrets + beside > room)
  if (crowded === undefined) return null
  const { name, count, forSecrets, beside } = crowded
  return (
    `landfall.yml names more than the role of ${name} has room for: IAM takes ${mostPolicyCharacters} characters of its` +
    ` policies, of which the names of secrets (${count}) need ${forSecrets}, keys and repositories of Amazon ECR ${beside},` +
    ` and both have ${room}. Shorten the names, let apps share secrets or repositories, or deploy some of the apps as a` +
    ' stage of their own (another landfall.yml).'
  )
}
