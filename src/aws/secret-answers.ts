import type { SecretFailure } from '../secrets/app-secret.ts'
import type { AwsFailure } from './client.ts'

/** An answer of Secrets Manager that lasts until a person changes something: its reason, and what puts it right. */
interface LastingAnswer {
  readonly reason: Exclude<SecretFailure['reason'], 'secret_unavailable'>
  readonly explain: (name: string) => string
}

const grantedByDeploying =
  'deploy Landfall again if the name is new in landfall.yml, which grants secretsmanager:GetSecretValue'

/**
 * The errors of `GetSecretValue` (API reference, "Errors" and "Common errors") that are not only for now. Where no
 * secret has the name, AWS answers AccessDeniedException too: a role's grant ends in six characters of the ARN.
 */
const lastingAnswers: ReadonlyMap<string, LastingAnswer> = new Map<string, LastingAnswer>([
  [
    'ResourceNotFoundException',
    {
      reason: 'secret_missing',
      explain: (name) =>
        `does not exist: aws secretsmanager create-secret --name ${name} --secret-string file://…, in this region`,
    },
  ],
  [
    'InvalidRequestException',
    {
      reason: 'secret_missing',
      explain: (name) =>
        `is about to be deleted: aws secretsmanager restore-secret --secret-id ${name}`,
    },
  ],
  [
    'AccessDeniedException',
    {
      reason: 'secret_refused',
      explain: () => `may not be read, or does not exist: create it, or ${grantedByDeploying}`,
    },
  ],
  [
    'DecryptionFailure',
    {
      reason: 'secret_refused',
      explain: () =>
        'cannot be decrypted: its KMS key is disabled, about to be deleted or not for this secret; aws kms describe-key tells which',
    },
  ],
])

/** AccessDeniedException, where it is KMS that refuses. */
const keyRefused: LastingAnswer = {
  reason: 'secret_refused',
  explain: () =>
    "may not be decrypted: name its KMS key's ARN under kms in landfall.yml and deploy Landfall again, which grants kms:Decrypt",
}

const unknownRefusal: LastingAnswer = { reason: 'secret_refused', explain: () => 'was refused' }

const findLasting = ({ kind, code, message }: AwsFailure): LastingAnswer | null => {
  if (kind === 'throttled' || kind === 'uncertain') return null
  if (code === 'AccessDeniedException' && /\bKMS\b/.test(message)) return keyRefused
  return lastingAnswers.get(code) ?? unknownRefusal
}

/** Why a secret, or one version of it, was not read. AWS's own text names roles and accounts, and is not passed on. */
export const toSecretFailure = (
  name: string,
  version: string | null,
  failure: AwsFailure,
): SecretFailure => {
  const what = version === null ? `the secret ${name}` : `version ${version} of the secret ${name}`
  const lasting = findLasting(failure)
  return lasting === null
    ? { reason: 'secret_unavailable', message: `${what} could not be read now (${failure.code})` }
    : { reason: lasting.reason, message: `${what} ${lasting.explain(name)} (${failure.code})` }
}
