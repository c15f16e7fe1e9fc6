import * as z from 'zod'
import type { AnswerOf } from './answer.ts'

// What `status` answers, whatever it is asked for. Keys that a schema does not name pass.

const CommitAnswer = z
  .object({
    title: z.string().nullable(),
    author: z.string().nullable(),
    login: z.string().nullable(),
    runUrl: z.string().nullable(),
    compareUrl: z.string().nullable(),
  })
  .nullable()

const PromotionAnswer = z.object({ app: z.string(), generation: z.number() })

export const ReleaseAnswer = z.object({
  generation: z.number(),
  commit: z.string().nullable(),
  digest: z.string(),
  secretVersion: z.string().nullable(),
  origin: CommitAnswer,
  promotedFrom: PromotionAnswer.nullable(),
})
export type ReleaseAnswer = AnswerOf<typeof ReleaseAnswer>

export const StepsAnswer = z.object({
  instance: z.string(),
  purpose: z.string(),
  outcome: z.string(),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  steps: z.array(
    z.object({ name: z.string(), status: z.string(), seconds: z.number().nullable() }),
  ),
  /** Left out where there is none. */
  tail: z.array(z.string()).optional(),
})
export type StepsAnswer = AnswerOf<typeof StepsAnswer>

/** A deployment without its instances. */
const DeploymentSummary = z.object({
  generation: z.number(),
  kind: z.string(),
  by: z.string(),
  status: z.enum(['queued', 'in_progress', 'succeeded', 'failed', 'cancelled', 'rolled_back']),
  reason: z.string().nullable(),
  message: z.string().nullable(),
  commit: z.string().nullable(),
  digest: z.string(),
  origin: CommitAnswer,
  promotedFrom: PromotionAnswer.nullable(),
  takesBack: z.number().nullable(),
  rolledBackBy: z.number().nullable(),
  /** Whether it may have changed something that no rollback undoes. */
  ranPredeploy: z.boolean(),
  openedAt: z.string(),
  endedAt: z.string().nullable(),
  deadlineAt: z.string(),
  pausedUntil: z.string().nullable(),
})

export const DeploymentAnswer = DeploymentSummary.extend({
  instances: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      serving: z.object({ generation: z.number(), digest: z.string() }).nullable(),
      reason: z.string().nullable(),
      message: z.string().nullable(),
    }),
  ),
  steps: z.array(StepsAnswer),
})
export type DeploymentAnswer = AnswerOf<typeof DeploymentAnswer>

const WaitingAnswer = z.object({
  revision: z.string(),
  since: z.string(),
  origin: CommitAnswer,
  lacks: z.array(z.string()),
  reason: z.string().nullable(),
  liveOn: z.array(PromotionAnswer).optional(),
  bringOut: z.string().optional(),
  github: z.string().optional(),
})

const RequestAnswer = z.object({
  revision: z.string().nullable(),
  force: z.boolean(),
  by: z.string(),
  at: z.string(),
  refusal: z.string().nullable(),
})

const TakeBackAnswer = z.object({
  kind: z.enum(['rollback', 'cancel']),
  generation: z.number(),
  by: z.string(),
  at: z.string(),
  refusal: z.string().nullable(),
})

const FrozenAnswer = z.object({ reason: z.string(), by: z.string(), at: z.string() })

export const AppAnswer = z.object({
  app: z.string(),
  live: ReleaseAnswer.nullable(),
  before: ReleaseAnswer.nullable(),
  releases: z.array(ReleaseAnswer),
  open: z.number().nullable(),
  instances: z.array(
    z.object({
      id: z.string(),
      serves: z.number().nullable(),
      asOf: z.string(),
      reason: z.string().nullable(),
    }),
  ),
  converging: z.array(z.string()),
  waiting: z.array(WaitingAnswer),
  moved: z.array(z.object({ revision: z.string(), digest: z.string(), bringOut: z.string() })),
  repository: z
    .object({
      id: z.number(),
      renamed: z.object({ name: z.string(), at: z.string() }).nullable(),
      refused: z.object({ id: z.number(), at: z.string() }).nullable(),
    })
    .nullable(),
  request: RequestAnswer.nullable(),
  takeBack: TakeBackAnswer.nullable(),
  frozen: FrozenAnswer.nullable(),
  /** Commits and digests; of one that shares its image with another release, more. */
  quarantine: z.array(
    z.union([
      z.string(),
      z.object({
        digest: z.string(),
        secretVersion: z.string().nullable(),
        env: z.array(z.string()),
      }),
    ]),
  ),
  alarmsUntil: z.string().nullable(),
  owed: z.array(
    z.object({
      id: z.string(),
      at: z.string(),
      told: z.array(z.string()),
      tries: z.number(),
      dueAt: z.string(),
    }),
  ),
  operations: z.array(
    z.object({ id: z.string(), kind: z.string(), by: z.string(), at: z.string() }),
  ),
  deployments: z.array(DeploymentAnswer),
})
export type AppAnswer = AnswerOf<typeof AppAnswer>

export const AppsAnswer = z.object({ apps: z.array(AppAnswer) })
export type AppsAnswer = AnswerOf<typeof AppsAnswer>

/** `view: "progress"`: what a watcher needs, in two reads. */
export const ProgressAnswer = z.object({
  app: z.string(),
  /** Another one: something has changed. */
  version: z.number(),
  /** The number of the newest deployment. */
  generation: z.number(),
  live: ReleaseAnswer.nullable(),
  frozen: FrozenAnswer.nullable(),
  request: RequestAnswer.nullable(),
  takeBack: TakeBackAnswer.nullable(),
  /** Open, or ended just now. */
  deployment: DeploymentAnswer.nullable(),
})
export type ProgressAnswer = AnswerOf<typeof ProgressAnswer>

/** `view: "history"`: the newest first. */
export const HistoryAnswer = z.object({
  app: z.string(),
  deployments: z.array(DeploymentSummary.extend({ instanceCount: z.number() })),
})
export type HistoryAnswer = AnswerOf<typeof HistoryAnswer>

/** `view: "rollback"`: what `rollback` would take back and bring back if it were called now. */
export const RollbackView = z.object({
  app: z.string(),
  /** `predeploy`: the command that ran and may have changed what no rollback undoes. */
  takesBack: ReleaseAnswer.extend({ predeploy: z.array(z.string()).nullable() }),
  /** Null where nothing but what is open ends: nothing was live before. */
  to: ReleaseAnswer.nullable(),
})
export type RollbackView = AnswerOf<typeof RollbackView>

/** `view: "settings"`: what landfall.yml says of an app, with names of keys and no value. */
const SettingsAnswer = z.object({
  app: z.string(),
  repository: z.string().nullable(),
  branch: z.string(),
  image: z.string(),
  tag: z.string(),
  environment: z.string(),
  deploy: z.enum(['automatic', 'manual']),
  requires: z.array(
    z.union([
      z.object({ kind: z.literal('ci'), ci: z.string(), workflow: z.string() }),
      z.object({ kind: z.literal('image') }),
    ]),
  ),
  /** Names of keys. */
  env: z.array(z.string()),
  /** The name of the app's secret. */
  secrets: z.string().nullable(),
  /** `ec2:Name=shop` */
  targets: z.array(z.string()),
})
export type SettingsAnswer = AnswerOf<typeof SettingsAnswer>

export const SettingsAnswers = z.object({ apps: z.array(SettingsAnswer) })

/** One revision; its evidence is the journal's record. */
export const RevisionAnswer = z.object({
  app: z.string(),
  id: z.string(),
  commit: z.string().nullable(),
  status: z.enum(['waiting', 'deployed', 'superseded', 'refused', 'expired']),
  reason: z.string().nullable(),
  lacked: z.array(z.string()).nullable(),
  ci: z.record(z.string(), z.object({ conclusion: z.string(), origin: CommitAnswer })),
  push: z.object({ origin: CommitAnswer }).nullable(),
})
export type RevisionAnswer = AnswerOf<typeof RevisionAnswer>
