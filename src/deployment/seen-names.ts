/** A workflow whose run a delivery had, by its name and, where the source tells it, its file. */
export interface SeenWorkflow {
  readonly ci: 'github' | 'circleci'
  readonly workflow: string
  readonly workflowPath: string | null
}

/** Names that deliveries for an app had, for comparison with those in landfall.yml. Strangers' texts. */
export interface SeenNames {
  /** Of runs after a push to the app's branch. */
  readonly workflows: readonly SeenWorkflow[]
  /** Branches that differ from the app's in case alone. */
  readonly branches: readonly string[]
}

/** Every text in it is cut to this, the longest that landfall.yml may have. */
export const mostNameLetters = 200

const workflowFolder = '.github/workflows/'

/**
 * Whether a run is of the workflow that `landfall.yml` names by path (`.github/workflows/ci.yml`), by file (`ci.yml`) or by
 * name (`CI`). Anyone whose commit is merged may give a workflow any name, so a name counts for neither of the first two where
 * the source tells the path.
 */
export const isOfWorkflow = (
  { ci, workflow, workflowPath }: SeenWorkflow,
  required: string,
): boolean => {
  if (ci === 'github' && /^dynamic\/|\/.*\.ya?ml$/i.test(required)) return required === workflowPath
  if (workflowPath !== null && /\.ya?ml$/i.test(required))
    return `${workflowFolder}${required}` === workflowPath
  return required === workflow
}
