// The emulator's public face: the one module of local/aws that other code imports. README.md beside it
// lists what is imitated and what is not.

export type { Account } from './account.ts'
export { startApi, type Api } from './api-gateway/api.ts'
export { defaultTiming, startAws, type LocalAws, type Timing } from './aws.ts'
export type { ClientSettings } from './credentials.ts'
export { openDynamoDb, type DynamoDb } from './dynamodb.ts'
export type { JudgeEcrPassword } from './ecr.ts'
export { toEvent, type EventRule } from './event-bus.ts'
export { AwsEvent } from './event-pattern.ts'
export {
  createFaults,
  type ApiCall,
  type CallFault,
  type CommandFate,
  type Faults,
} from './faults.ts'
export { createFleet, type Fleet, type Instance, type InstanceStatus, type Tag } from './fleet.ts'
export { readRequest } from './http.ts'
export { toGrants } from './iam/grants.ts'
export { judge, parsePolicy, type AuthorizationRequest, type Verdict } from './iam/policy.ts'
export type { Role } from './iam/role.ts'
export type { WriteLog } from './lambda/environment.ts'
export type { LambdaFunction } from './lambda/function.ts'
export type { Runner } from './lambda/runner.ts'
export { startSchedules } from './lambda/schedule.ts'
export {
  startAgent,
  type Agent,
  type AgentEvents,
  type Job as AgentJob,
  type StartAgent,
} from './ssm/agent.ts'
export { DocumentContent } from './ssm/document.ts'
export type { Reply as AgentReply } from './ssm/reply.ts'
export { runScript, type RunScript, type ScriptEnd, type ScriptOrder } from './ssm/run-script.ts'
export { toService, type PackagedService } from './template/service.ts'
export { toTemplate } from './template/template.ts'
