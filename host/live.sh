# The live release, and the one way back to it.

live_slot=none
# While no release is live, the first slot.
declare -A other_slot=([blue]=green [green]=blue [none]=blue)

# `live` holds generation, slot and digest of the live release; generation 0 is none. Writing it commits a deployment:
# a run that ends before is undone, what follows is only cleaning up.
read_live() {
  read -r live live_slot live_digest < <(read_file "$state/live" '0 none -' && echo)
}

write_live() { # generation slot digest
  printf '%s %s %s\n' "$1" "$2" "$3" | write_file "$state/live"
  read_live
}

serving() {
  if [[ -d ${state:-/nonexistent} ]]; then read_live; fi
  if ((live > 0)) && is_running "$(container_of "$live")"; then
    printf '{"generation":%s,"digest":"%s"}' "$live" "$live_digest"
  else
    printf 'null'
  fi
}

# Undoes what this run began. What Docker did not do is tried once more, and else left to the next run.
# After the commit only the cleaning up failed.
take_back() {
  use_reserve
  if ! make_live_true && ! { engine_answers && make_live_true; }; then settled=no
  elif [[ $committed ]] && live_is_true; then end_live "; cleaned up after: $message"; fi
}

# Brings the instance to what `live` says, after a failure of this run or a run that was killed.
make_live_true() {
  local attempt='' attempt_slot=none fresh=no brought=''
  read_live
  # A restarted engine comes back within seconds.
  until_true "$(remaining 60)" engine_answers || return 1
  [[ ! -s $state/run ]] || read -r attempt attempt_slot fresh brought <"$state/run"
  docker rm --force "$(container_of "$attempt")-predeploy" >/dev/null 2>&1
  if ((live > 0)) && exists "$(container_of "$live")"; then
    ! read_settings "$state/releases/$live/settings" || guard_slot "$live_slot" "$(container_of "$live")"
    if ! is_running "$(container_of "$live")"; then
      [[ $attempt == "$live" ]] || discard "$attempt" "$fresh" "$brought"
      [[ $live_slot == none ]] || place_in_slot "$(container_of "$live")" "$live_slot"
      docker start "$(container_of "$live")" >/dev/null
      ((${#networks[@]} == 0)) || keep_from_metadata
      await_health "$(container_of "$live")" "$live_slot"
    fi
    ! is_web || route "$live_slot" "${slot_address[$live_slot]}:$port"
    if [[ $attempt != "$live" ]]; then
      [[ $attempt_slot == "$live_slot" ]] || leave_slot "$attempt_slot"
      discard "$attempt" "$fresh" "$brought"
    fi
    leave_other_proxies
    retire_others || true
  else
    discard "$attempt" "$fresh" "$brought"
    ((live == 0)) || { is_undone && return 0 || return 1; }
    proxy_dir=''
    leave_other_proxies
    retire_others || true
    give_back || return 1
  fi
  is_undone || return 1
  rm -f "$state/run"
}

# True if Docker says so: no answer is no proof. (In a trap a bare `return` has the status from before the trap.)
is_undone() {
  local left
  if [[ ! $attempt || $attempt == "$live" ]]; then engine_answers && return 0 || return 1; fi
  left=$(docker ps --all --filter "name=^landfall-$app\\.$attempt(-predeploy)?\$" --format '{{.State}}') || return 1
  [[ ! $left || ($fresh != fresh && $left != running) ]]
}

# Removes a container that the attempt made; only stops one that was kept from before.
discard() { # generation fresh image
  [[ $1 ]] || return 0
  stop_container "$(container_of "$1")" >/dev/null 2>&1
  [[ $2 == fresh ]] || return 0
  docker rm --force "$(container_of "$1")" >/dev/null 2>&1
  forget_release "$1" "$3"
}

# Stops and keeps the app's other containers once they have finished their requests, unless a newer command comes in.
retire_others() {
  [[ $(running_others) ]] || return 0
  leave_slot "${other_slot[$live_slot]}" || return 1
  stop_others
}

# Prints the app's running containers except the live one, also a predeploy that a killed run left.
running_others() {
  local name
  while read -r name; do
    [[ $name == "$(container_of "$live")" ]] || printf '%s\n' "$name"
  done < <(docker ps --filter "name=^landfall-$app\\.[0-9]+(-predeploy)?\$" --format '{{.Names}}')
}

stop_others() {
  local name
  while read -r name; do stop_container "$name" >/dev/null; done < <(running_others)
}
