import type { App, Configuration } from '../src/deployment/app.ts'
import { parseEcr } from '../src/registry/ecr.ts'
import { parseImage } from '../src/registry/image.ts'
import { findEcr } from '../src/registry/login.ts'
import { toRoleRefs, type InlinePolicy } from './role-room.ts'

/** `arn:…:repository/acme/shop`; none where the image is not read by a function's role. */
const listArns = (apps: readonly App[]): readonly object[] => {
  const repositories = apps.flatMap((app) => {
    const ecr = findEcr(app)
    if (ecr === null) return []
    return [`${ecr.region}:${ecr.account}:repository/${parseImage(app.image).repository}`]
  })
  return [...new Set(repositories)]
    .sort()
    .map((repository) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:ecr:${repository}` }))
}

/** The rights of a pull, for these repositories. A token names none. */
const policyFor = (arns: readonly object[], roles: readonly string[]): InlinePolicy => ({
  Type: 'AWS::IAM::Policy',
  Properties: {
    PolicyName: 'images',
    PolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
        {
          Effect: 'Allow',
          Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
          Resource: arns,
        },
      ],
    },
    Roles: toRoleRefs(roles),
  },
})

/** The right to read the images at Amazon ECR. */
export const imagePolicies = ({ apps }: Configuration): Readonly<Record<string, InlinePolicy>> => {
  const arns = listArns(apps)
  const carried = listArns(
    apps.filter(({ targets }) => targets.some(({ kind }) => kind === 'heroku')),
  )
  return {
    ...(arns.length > 0 && { ImagesPolicy: policyFor(arns, ['Reconcile', 'Plan']) }),
    ...(carried.length > 0 && { CarriedImagesPolicy: policyFor(carried, ['Carry']) }),
  }
}

/** EventBridge takes patterns of up to 2,048 characters: without a list of names, code compares them alone. */
const mostNameCharacters = 1500

/** Null where no image is at ECR. */
const toPushPattern = (apps: readonly App[]): object | null => {
  const images = apps.map(({ image }) => parseImage(image))
  const names = images.flatMap(({ host, repository }) => (parseEcr(host) ? [repository] : []))
  if (names.length === 0) return null
  const unique = [...new Set(names)].sort()
  const detail = {
    result: ['SUCCESS'],
    'action-type': ['PUSH'],
    ...(unique.join().length <= mostNameCharacters && { 'repository-name': unique }),
  }
  return { source: ['aws.ecr'], 'detail-type': ['ECR Image Action'], detail }
}

/** Wakes `reconcile` at a push to one of these repositories; the queue's policy knows the rules of its name. */
export const pushResources = ({ apps }: Pick<Configuration, 'apps'>, stage: string) => {
  const EventPattern = toPushPattern(apps)
  if (EventPattern === null) return {}
  const Name = `landfall-${stage}-reconcile-rule-images`
  const Arn = { 'Fn::GetAtt': ['ReconcileLambdaFunction', 'Arn'] }
  const target = {
    Arn,
    Id: `${Name}-target`,
    RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 },
    DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['FailedNudges', 'Arn'] } },
  }
  return {
    ImagePushRule: {
      Type: 'AWS::Events::Rule',
      Properties: { Name, State: 'ENABLED', EventPattern, Targets: [target] },
    },
    ImagePushPermission: {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: Arn,
        Principal: 'events.amazonaws.com',
        SourceArn: { 'Fn::GetAtt': ['ImagePushRule', 'Arn'] },
      },
    },
  }
}
