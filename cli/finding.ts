/** The texts of a repository's files, by path. */
export type Files = ReadonlyMap<string, string>

export interface RepositoryFinding {
  readonly level: 'problem' | 'warning' | 'fine'
  readonly what: string
  readonly message: string
  readonly reason?: string
  readonly instance?: string
}
