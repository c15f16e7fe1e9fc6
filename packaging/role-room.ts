/** IAM takes so many characters of a role's inline policies, all of them together and without blanks. */
const mostPolicyCharacters = 10_240

/** What a role's policy takes beside the secrets and keys of landfall.yml, under a stage's longest name. */
export const otherPolicyCharacters = 4_800

/** A resource of a statement, quoted and with a comma, where partition and region have the longest names together. */
const lengthOf = (arn: string): number =>
  arn
    .replace('${AWS::Partition}', 'aws-us-gov')
    .replace('${AWS::Region}', 'us-gov-west-1')
    .replace('${AWS::AccountId}', '123456789012').length + 3

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

/** The statement that decrypts, without its keys. */
const decryptCharacters = 250

/**
 * What to tell of a role that IAM would not take for all the secrets that landfall.yml names: without this the
 * stack's deployment would end in CREATE_FAILED. Null where each role has room.
 */
export const findTooManySecrets = (
  secrets: Readonly<Record<string, readonly { readonly 'Fn::Sub': string }[]>>,
  keys: readonly string[],
): string | null => {
  const forKeys = keys.length === 0 ? 0 : decryptCharacters + sum(keys.map(lengthOf))
  const room = mostPolicyCharacters - otherPolicyCharacters - forKeys
  const needs = Object.entries(secrets).map(([name, arns]) => ({
    name,
    count: arns.length,
    needed: sum(arns.map((arn) => lengthOf(arn['Fn::Sub']))),
  }))
  const crowded = needs.find(({ needed }) => needed > room)
  if (crowded === undefined) return null
  const { name, count, needed } = crowded
  return (
    `landfall.yml names ${count} secrets that ${name} reads. With their names its role's policy would exceed` +
    ` the ${mostPolicyCharacters} characters that IAM takes: they need ${needed} and have ${room}. Shorten the names,` +
    ' let apps share secrets, or deploy some of the apps as a stage of their own (another landfall.yml).'
  )
}
