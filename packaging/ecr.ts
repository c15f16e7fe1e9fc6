import type { App, Configuration } from '../src/deployment/app.ts'
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

/** As AWS's own AmazonEC2ContainerRegistryPullOnly, for these repositories. A token names none. */
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

/** What the images at Amazon ECR need in the stack: the right to read them, and nothing where there are none. */
export const ecrResources = ({ apps }: Configuration) => {
  const carried = apps.filter(({ targets }) => targets.some(({ kind }) => kind === 'heroku'))
  const images = policyFor(apps, ['Reconcile', 'Plan'])
  const carriedImages = policyFor(carried, ['Carry'])
  return {
    ...(images !== null && { ImagesPolicy: images }),
    ...(carriedImages !== null && { CarriedImagesPolicy: carriedImages }),
  }
}
