/** Where the local stack pretends to be. */
export interface Account {
  readonly id: string
  readonly region: string
}

export const toArn = (account: Account, service: string, resource: string): string =>
  `arn:aws:${service}:${account.region}:${account.id}:${resource}`
