# Brings one release to one instance. `main` is the sequence; the other files are its steps.

reason_of() { # step
  case $1 in
    lock) printf busy ;;
    inspect) printf docker_unavailable ;;
    pull) printf pull_failed ;;
    configure) printf envelope_invalid ;;
    predeploy) printf predeploy_failed ;;
    check) printf unhealthy ;;
    switch) printf switch_failed ;;
    *) printf start_failed ;;
  esac
}

# Restores generation 0: the app had no live release.
restore_nothing() {
  begin switch
  give_way
  changed=true
  write_live 0 none -
  committed=yes
  use_reserve
  make_live_true
  end succeeded
  end_live
}

# Not a failure: the instance's metadata options may keep containers away too.
unguarded() {
  [[ $metadata != block || ! $firewall ]] || printf '; its containers may reach the metadata service: %s' "$firewall"
}

main() {
  state=$root/${SSM_App:-}
  [[ ${SSM_App:-} =~ ^[a-z][a-z0-9-]{0,38}[a-z0-9]$ ]] || state=$host
  open_output "$state"
  read_order
  set_deadline
  take_lock
  open_envelope
  inspect_host
  before=$live before_slot=$live_slot
  ((generation > 0)) || restore_nothing
  choose_slot
  expect_environment
  write_run
  if [[ $fresh == kept ]]; then
    skip pull
    skip configure
  else
    pull_images
    configure
  fi
  free_slot
  if [[ $strategy == recreate ]]; then stop_old; fi
  guard_slot "$slot" "$(container_of "$generation")"
  run_predeploy
  start_new
  check_new
  take_over_by_hand
  switch_over
  retire_old
  prune
  end_live
}

end_live() { # [more]
  local reason=deployed text='nothing of ours is live'
  [[ $mode != restore ]] || reason=restored
  ((generation == 0)) || text="generation $generation is live$(unguarded)"
  finish succeeded "$reason" "$text${1:-}"
  exit
}

main
