# The new container: predeploy, the stop of the old one (`recreate`), the start.

slot=none fresh=fresh

# Runs docker with the multi-line values in its environment, and in no other process's.
with_values() { (
  # Any variable of this script may be one of the names: only the positional parameters cannot.
  set -- "${#multi_values[@]}" "${multi_values[@]}" "$@"
  while (($1)); do
    unset -v "${2%%=*}"
    export "${2?}"
    set -- $(($1 - 1)) "${@:3}"
  done
  shift
  exec "$@"
); }

run_options() {
  local name
  # Without NET_RAW no container answers in another's place on the network that all apps share.
  options=(--init="${init:-true}" --env-file "$state/releases/$generation/env" "${log_options[@]}" --network "$own_network" --ip "${slot_address[$slot]}"
    --cap-drop NET_RAW --pids-limit "$pids_limit")
  [[ $new_privileges ]] || options+=(--security-opt no-new-privileges)
  for name in "${capabilities[@]}"; do options+=(--cap-add "$name"); done
  for name in "${multi_names[@]}"; do options+=(--env "$name"); done
  for name in "${volumes[@]}"; do options+=(--volume "$name"); done
  for name in "${extra_hosts[@]}"; do options+=(--add-host "$name"); done
  [[ ! $memory ]] || options+=(--memory "$memory")
  [[ ! $shm_size ]] || options+=(--shm-size "$shm_size")
  [[ ! $user ]] || options+=(--user "$user")
}

# Records the attempt before it begins; the next run undoes a killed one by this record.
write_run() { printf '%s\n' "$generation $slot $fresh $image@$digest" | write_file "$state/run"; }

run_predeploy() {
  begin predeploy
  if ((${#predeploy[@]} == 0)) || [[ $mode == restore || $kind == rollback ]]; then
    end skipped
    return
  fi
  # A line of shell that uses none of its arguments would start the app instead.
  local name text options limit own program=${predeploy[0]} alone=() until_at code=0
  own=$(docker image inspect --format '{{json .Config.Entrypoint}}' "$image@$digest")
  if [[ $entrypoint == none ]]; then
    alone=(--entrypoint "$program") predeploy=("${predeploy[@]:1}")
  elif [[ $own == '["/bin/sh","-c",'* && $own != *\$?(\{)[@*0]* ]]; then
    fail predeploy_failed "the image's ENTRYPOINT is a shell line, which ignores predeploy; write  predeploy: { command: [$program, ...], entrypoint: false }"
  elif [[ $own == '["'* ]]; then
    program+=' (after the ENTRYPOINT)'
  fi
  name=$(container_of "$generation")-predeploy
  limit=$(remaining) until_at=$((SECONDS + limit))
  run_options
  predeploy_ran=true
  # The empty labels take the place of labels that the image may bear.
  text=$(with_values timeout --foreground --kill-after 5 "$limit" docker run --rm --name "$name" --label "landfall.predeploy=$app" \
    --label landfall.app= --label landfall.slots= "${options[@]}" "${alone[@]}" "$image@$digest" "${predeploy[@]}" 2>&1 </dev/null | last_lines) || code=$?
  if ((code == 0)); then
    end succeeded
    return
  fi
  keep_tail "$text"
  ((code != 124 && (code != 137 || SECONDS < until_at))) || fail predeploy_failed "$program did not end within $limit s"
  fail_for_memory "$name" "$program ended with code $code"
  fail predeploy_failed "$program ended with code $code: $(telling_line)"
}

# A run that gave way while it drained left the release before in the slot that this one takes. That release itself may
# serve there again, and then goes on with its requests.
free_slot() {
  local left
  left=$(running_others)
  [[ $left && ($left != "$(container_of "$generation")" || $fresh != kept || $strategy == recreate) ]] || return 0
  begin drain
  retire_others || give_way
  end succeeded
}

# For `recreate`: requests wait at the proxy while the old container stops and the new one starts.
stop_old() {
  begin stop
  give_way
  if ((live > 0)); then
    changed=true
    if [[ $live_slot != none ]]; then
      # In the other slot: what waits is not among what is cut.
      route "${other_slot[$live_slot]}" "$waiting_room" || fail_route
    fi
    drain_slot "$live_slot" "${drain_limit:-$stop_timeout}" || give_way
    cut_slot "$live_slot"
    try start_failed 'the old release does not stop' stop_container "$(container_of "$live")"
  elif is_running "${replaces:-/}"; then
    changed=true
    take_over
    route "$slot" "$waiting_room" || fail_route
  fi
  end succeeded
}

# A kept container has its environment; a new one needs an envelope.
expect_environment() {
  [[ $fresh != kept && $envelope == - ]] || return 0
  local ending=refuse
  [[ $changed == false ]] && engine_answers || ending=fail
  "$ending" secret_missing 'no envelope and no kept container'
}

choose_slot() {
  slot=${other_slot[$live_slot]} fresh=fresh
  [[ $strategy != recreate || $live_slot == none ]] || slot=$live_slot
  if [[ $mode == restore || $kind == rollback ]] && exists "$(container_of "$generation")"; then fresh=kept; fi
}

start_new() {
  begin start
  local name options network
  name=$(container_of "$generation")
  if [[ $fresh == kept ]]; then
    place_in_slot "$name" "$slot"
    write_file "$state/releases/$generation/settings" <"$scratch/settings"
  else
    run_options
    try start_failed 'the container cannot be created' create_container --name "$name" \
      --label "landfall.app=$app" --label "landfall.generation=$generation" --label "landfall.digest=$digest" \
      --label "landfall.owner=$owner" --label "landfall.slots=$slots" --restart unless-stopped --stop-timeout "$stop_timeout" \
      "${options[@]}" "$image@$digest" "${command[@]}"
    for network in "${networks[@]}"; do
      try start_failed "the network $network" docker network connect "$network" "$name"
    done
  fi
  try start_failed 'the container cannot be started' start_in_slot "$name"
  # While the app begins.
  ((!proxy_pid)) || is_checked "$slot" "${slot_address[$slot]}:$port" &
  # A killed run leaves the container, which keeps its image too.
  [[ $fresh == kept ]] || docker tag "$image@$digest" "landfall/$app:$generation"
  ((${#networks[@]} == 0)) || keep_from_metadata
  is_image_right "$name" "$digest" || fail digest_mismatch 'the running image is not the one that was ordered'
  end succeeded
}

# A killed run may have left a container of this name.
create_container() { # --name container...
  with_values docker create "$@" || { exists "$2" && docker rm --force "$2" && with_values docker create "$@"; }
}

# A release that a restarted engine started anew holds the address of the slot again.
start_in_slot() { # container
  docker start "$1" || { [[ $(running_others) ]] && retire_others && docker start "$1"; }
}

# Moves a stopped container to the address of the slot in which it serves next.
place_in_slot() { # container slot
  [[ $(docker inspect --format '{{(index .NetworkSettings.Networks "'"$own_network"'").IPAMConfig.IPv4Address}}' "$1") != "${slot_address[$2]}" ]] || return 0
  docker network disconnect --force "$own_network" "$1" || true
  docker network connect --ip "${slot_address[$2]}" "$own_network" "$1"
}
