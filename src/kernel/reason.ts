/**
 * Why something ended as it did. The code is stable: it stands in the journal, in answers and in
 * `docs/reasons.md`, which a test holds against this list in both directions.
 */
export const reasons = {
  // Deliveries
  recorded: 'The delivery was verified and its evidence recorded.',
  ping: 'A test delivery; the hook works.',
  duplicate: 'The same evidence was recorded before.',
  event_ignored: 'An event that Landfall has no use for.',
  repository_unknown: 'No app of landfall.yml deploys this repository.',
  branch_not_deployed: 'No app deploys this branch of the repository.',
  workflow_not_required: 'No app requires this workflow.',
  not_a_push:
    'The run was not started by a push to the repository itself (a fork, a pull request, a tag or a schedule).',
  tag_pushed: 'The push was of a tag; only branches are deployed.',
  branch_deleted: 'The push deleted the branch; there is nothing to deploy.',
  tag_not_deployed: 'The tag is not of the form that the app deploys.',
  malformed: 'The body is not what this source sends.',
  unverified: 'The caller could not be verified.',
  signature_missing: 'The delivery carries no signature.',
  signature_invalid: 'The signature is not the one of this body under any accepted secret.',
  token_invalid: "The path's token is not the one of this app, or the app does not exist.",
  path_unknown: 'No such path.',
  body_too_large: 'The body is larger than 1 MiB.',
  content_type_unsupported: 'The content type is not one that this source sends.',
  secret_unavailable:
    'The secret that verifies this source is not configured or could not be read.',
  journal_unavailable: 'The journal could not be reached; nothing was recorded. Try again.',
  // Revisions
  evidence_missing: 'Something that the app requires is not there yet.',
  image_missing: 'The image is not in the registry under its tag.',
  image_unlabelled:
    'The image under the tag does not say which commit it was built of, and the tag does not either.',
  ci_failed: 'CI ended red for this commit.',
  superseded: 'A newer revision was opened first.',
  wait_expired: 'What was lacking did not come within waitFor.',
  quarantined:
    'The commit or digest was rolled back; only redeploy with force brings it out again.',
  app_frozen: 'The app is frozen.',
  // Deployments
  deployed: 'The release is live on every instance.',
  already_live: 'The instance ran this release already.',
  no_instances: 'The target selects no instance.',
  instance_offline: 'The instance does not answer to SSM.',
  agent_too_old:
    'The SSM agent is older than 3.3.2746.0 and would not keep parameters out of the shell.',
  tool_missing: 'A program that the host scripts need is not installed.',
  docker_unavailable: 'The Docker Engine on the instance does not answer.',
  disk_full: 'Too little disk space for the image.',
  port_in_use: 'The port is taken by something that Landfall did not start.',
  owned_by_other: 'The instance belongs to another account or stage for this app.',
  key_changed: 'The instance has another key than the envelope was sealed for.',
  envelope_invalid:
    'The envelope could not be opened, or is for another app, generation or instance.',
  envelope_too_large: 'The env file and its envelope do not fit into a command.',
  order_invalid: 'The command carries parameters that the host script refuses.',
  superseded_fence: 'The instance has seen a newer fence and refused this command.',
  too_late: 'The command reached the instance after its time (notAfter).',
  busy: 'Another command held the app on the instance for too long.',
  pull_failed: 'The registry refused the image or could not be reached by the instance.',
  image_gone: 'The digest is no longer in the registry.',
  registry_unauthorized: 'The registry refused the credentials.',
  registry_unavailable: 'The registry did not answer.',
  predeploy_failed: 'The predeploy command ended with an error; the old release serves.',
  start_failed: 'The container could not be started.',
  exited: 'The container exited or restarted before it was healthy.',
  unhealthy: 'The health check did not pass in time.',
  switch_failed: 'The proxy did not hand over to the new release.',
  digest_mismatch: 'The running image is not the one that was ordered.',
  secret_missing: "The app's secret or the recorded version of it is not there.",
  secret_invalid: "The app's secret is not a JSON object of strings.",
  send_failed: 'The command could not be sent.',
  no_answer: 'The instance did not say in time how the command ended.',
  deadline_passed: 'The deployment was not done by its deadline.',
  cancelled: 'Cancelled by an operator.',
  alarm_fired: 'An alarm fired after it was sent; it was taken back.',
  rolled_back: 'Taken back by an operator.',
  restored: 'Brought back to the live release.',
  not_restored: 'The instance could not be brought back to the live release.',
  target_unsupported: 'This kind of target is not implemented yet.',
  // Alarms and the way back
  alarm_unrelated: 'No deployment can be at fault: none was sent before it within its window.',
  alarm_fired_before: 'The alarm was firing already when the deployment was opened.',
  already_back: 'What it would take back did not stay: the release before it is live.',
  going_back: 'A rollback or a restore is under way.',
  alarm_after_rollback: 'An alarm fired after a rollback; the app is frozen until a person looks.',
  second_rollback: 'A second rollback within an hour; the app is frozen until a person looks.',
  rollback_failed: 'A rollback failed; the app is frozen until a person looks.',
  nothing_to_roll_back_to: 'No earlier release was live that is not quarantined.',
  release_unknown: 'No release of this number, commit or digest is among the last five.',
  // Operators
  requested: 'The request is recorded; status shows what becomes of it.',
  request_pending: 'An earlier request is not taken up yet.',
  app_unknown: 'No app of this name in landfall.yml.',
  input_invalid: 'The input is not what this function takes.',
  deployment_open: 'Another deployment of the app is open.',
  nothing_open: 'No deployment is open and no request waits.',
  not_frozen: 'The app is not frozen.',
  frozen: 'The app is frozen: nothing goes out by itself until unfreeze.',
  unfrozen: 'The app is no longer frozen; the newest waiting commit goes out.',
  nothing_live: 'The app has no live release yet.',
  revision_unknown: 'The revision is not known and its image is not in the registry.',
  ci_missing: 'CI is not green for this revision; force deploys it all the same.',
} as const

export type Reason = keyof typeof reasons

export const isReason = (text: string): text is Reason => Object.hasOwn(reasons, text)
