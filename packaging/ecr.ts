import type { App, Configuration } from '../src/deployment/app.ts'
import { parseEcr } from '../src/registry/ecr.ts'
import { parseImage } from '../src/registry/image.ts'
import { findEcr } from '../src/registry/login.ts'

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
const policyFor = (apps: readonly App[], roles: readonly string[]) => {
  const arns = listArns(apps)
  if (arns.length === 0) return null
  return {
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
      Roles: roles.map((name) => ({ Ref: `${name}Role` })),
    },
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
const pushResources = (EventPattern: object, stage: string) => {
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

/** What the images at Amazon ECR need in the stack: the right to read them, and the rule for their pushes. */
export const ecrResources = ({ apps }: Configuration, stage: string) => {
  const carried = apps.filter(({ targets }) => targets.some(({ kind }) => kind === 'heroku'))
  const pattern = toPushPattern(apps)
  const images = policyFor(apps, ['Reconcile', 'Plan'])
  const carriedImages = policyFor(carried, ['Carry'])
  return {
    ...(pattern !== null && pushResources(pattern, stage)),
    ...(images !== null && { ImagesPolicy: images }),
    ...(carriedImages !== null && { CarriedImagesPolicy: carriedImages }),
  }
}
