/**
 * Why something ended as it did. The codes are stable: the journal, answers and `docs/reasons.md` contain
 * them, and a test compares that page with this list in both directions.
 */
export const reasons = {
  // Deliveries
  recorded: 'The delivery was verified and its evidence recorded.',
  ping: 'A test delivery; the hook works.',
  duplicate: 'The same evidence was recorded before.',
  event_ignored: 'Landfall does not use this event.',
  repository_unknown: 'No app of landfall.yml deploys this repository.',
  branch_not_deployed: 'No app deploys this branch of the repository.',
  workflow_not_required: 'No app requires this workflow.',
  not_a_push:
    'The run was not started by a push to the repository itself (a fork, a pull request, a tag or a schedule).',
  tag_pushed: 'A tag was pushed; only branches are deployed.',
  branch_deleted: 'The push deleted the branch; there is nothing to deploy.',
  tag_not_deployed: "The tag does not match the app's tag.",
  malformed: 'The body does not have the format of this source.',
  unverified: 'The caller could not be verified.',
  signature_missing: 'The delivery has no signature.',
  signature_invalid: 'The signature does not match the body under any accepted secret.',
  token_invalid: "The token in the path is not the app's, or the app does not exist.",
  path_unknown: 'No such path.',
  body_too_large: 'The body is larger than 1 MiB.',
  content_type_unsupported: 'This source does not send this content type.',
  secret_unavailable:
    'The secret that verifies a source, or that a container needs, is missing or could not be read.',
  journal_unavailable: 'The journal could not be reached; nothing was recorded. Try again.',
  // Revisions
  evidence_missing: 'A requirement of the app is not met yet.',
  image_missing: 'The image is not in the registry under its tag.',
  tag_moved: 'The tag of the commit names another image than the one that was found for it.',
  proxy_image_unavailable: "The registry did not name the digest of the proxy's image.",
  image_unlabelled:
    'Neither the label of the image nor its tag names the commit that it was built from.',
  ci_failed: 'CI failed for this commit.',
  manual: 'The revision has all that the app requires and waits for redeploy (deploy: manual).',
  superseded: 'A newer revision was deployed first, or waits for redeploy in its place.',
  wait_expired: 'The missing requirements were not met within waitFor.',
  quarantined: 'The commit or digest was rolled back; only redeploy with force deploys it again.',
  app_frozen: 'The app is frozen.',
  // Deployments
  deployed: 'The release is live on every instance.',
  already_live: 'The instance already ran this release.',
  drifted:
    'The instance served the live release and now serves something else; it was changed by hand.',
  no_instances: 'The target selects no instance.',
  instance_in_two_targets: 'Two targets of the app select the same instance.',
  too_many_instances: "The app's record in the journal has no room for so many instances.",
  instance_offline: 'The instance is not online in SSM.',
  instance_untagged:
    'The instance does not have the tag landfall:stage with the name of this stage.',
  agent_too_old:
    'The SSM agent is older than 3.3.2746.0 and cannot keep parameters out of the shell.',
  tool_missing: 'A program that the host scripts need is not installed.',
  docker_unavailable: 'The Docker Engine on the instance does not respond, or was restarted.',
  disk_full: 'Too little disk space for the image, or no room for more files.',
  port_in_use: 'The port is used by something that Landfall did not start.',
  takeover_loses:
    'The container to take over has something that the new one would not get; nothing was stopped.',
  owned_by_other: 'The instance belongs to another account or stage for this app.',
  key_changed: 'The key of the instance is not the one that Landfall knows it by.',
  envelope_invalid:
    'The envelope could not be opened, or is for another app, generation or instance.',
  pauses_too_long: 'The pauses between the batches do not fit into the deadline.',
  envelope_too_large: 'The env file and its envelope do not fit into a command.',
  order_invalid: 'The host script refuses a parameter of the command.',
  superseded_fence: 'The instance has seen a newer fence and refused this command.',
  too_late: 'The command reached the instance after its latest start time (notAfter).',
  busy: 'Another command held the app on the instance for too long.',
  pull_failed: 'The registry refused the image, or the instance could not reach it.',
  image_gone: 'The digest is no longer in the registry.',
  registry_unauthorized: 'The registry refused the credentials.',
  registry_unavailable: 'The registry did not answer.',
  predeploy_failed: 'The predeploy command failed; the old release keeps serving.',
  start_failed: 'The container could not be started.',
  exited: 'The container exited or restarted before it was healthy.',
  out_of_memory: 'A process of the app was killed because memory was used up.',
  unhealthy: 'The health check did not pass in time.',
  switch_failed: 'The proxy did not switch to the new release.',
  digest_mismatch: 'The running image is not the one that was ordered.',
  secret_missing: "The app's secret, or the recorded version of it, does not exist.",
  secret_refused: 'Secrets Manager, or KMS behind it, refuses to hand out a secret of the app.',
  secret_invalid: "The app's secret is not a JSON object of strings.",
  aws_denied: 'AWS refuses a call that Landfall needs.',
  send_failed: 'The command could not be sent.',
  no_answer: 'The command, or its time, ended without a result from the instance.',
  deadline_passed: 'The deployment did not finish before its deadline.',
  cancelled: 'Cancelled by an operator.',
  alarm_fired: 'An alarm fired after the deployment, which was rolled back.',
  rolled_back: 'Rolled back by an operator.',
  restored: 'Restored to the live release.',
  not_restored: 'The instance could not be restored to the live release.',
  head_altered:
    "A release in the app's record is not as reconcile recorded it; nothing of it was sent.",
  target_unauthorized: 'The target refused the API key.',
  target_unavailable:
    'The target did not answer, or accepted no more requests, until the deadline.',
  service_missing: 'The target has no such service.',
  service_unsuitable: 'Landfall cannot deploy an image to this service.',
  changed_elsewhere: 'The deploy was cancelled or replaced at the target.',
  // An image on its way to Heroku
  platform_missing: 'The image is not for the platform of the target.',
  layers_unsupported:
    'The image has layers in a form that the target does not accept, such as zstd.',
  image_too_large: 'The image is larger than the limit for images that are carried to the target.',
  image_invalid: 'The content under the digest is not a container image that can be read.',
  image_altered: 'The registry sent content that does not match its digest and size.',
  image_refused: "The target's registry refused the image.",
  // Alarms and rollbacks
  alarm_unrelated:
    'No deployment can be the cause: none was sent within its window before the alarm.',
  alarm_fired_before: 'The alarm was already firing when the deployment was opened.',
  already_back: 'The deployment is not live any more: the release before it is.',
  going_back: 'A rollback or a restore is in progress.',
  alarm_after_rollback:
    'An alarm fired after a rollback; the app is frozen until an operator unfreezes it.',
  second_rollback:
    'A second rollback within an hour; the app is frozen until an operator unfreezes it.',
  rollback_failed: 'A rollback failed; the app is frozen until an operator unfreezes it.',
  nothing_to_roll_back_to: 'There is no earlier release to roll back to that is not quarantined.',
  release_unknown: 'None of the last five releases has this number, commit or digest.',
  deployment_unknown: 'The app has no deployment of this number, or its record has expired.',
  // Operators
  planned: 'The instance was checked; nothing was changed.',
  requested: 'The request is recorded; status shows its progress.',
  request_pending: 'An earlier request is still pending.',
  app_unknown: 'landfall.yml has no app of this name.',
  input_invalid: 'The input is not valid for this function.',
  deployment_open: 'Another deployment of the app is open.',
  nothing_open: 'No deployment is open and no request is pending.',
  not_frozen: 'The app is not frozen.',
  frozen: 'The app is frozen: nothing is deployed automatically until unfreeze.',
  unfrozen:
    'The app is no longer frozen; the newest waiting commit is deployed, unless it waits for redeploy.',
  nothing_live: 'The app has no live release yet.',
  image_differs: 'The two apps do not deploy the same image repository.',
  revision_unknown: 'The revision is unknown and its image is not in the registry.',
  ci_missing: 'CI is not green for this revision; force deploys it anyway.',
} as const

export type Reason = keyof typeof reasons

export const isReason = (text: string): text is Reason => Object.hasOwn(reasons, text)
