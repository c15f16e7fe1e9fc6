# Hands over to the new release, and cleans up afterwards.

# What was live when the run began.
before=0 before_slot=none committed=''

# Stops the container that was run by hand, and never removes it.
take_over() {
  local policy
  # A pipeline may just have run it anew, as it does until it is changed.
  expect_no_loss
  policy=$(docker inspect --format '{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}' "$replaces")
  # A container that was created by the API alone may have a policy without a name.
  policy=${policy%:0}
  printf '%s %s %s\n' "$replaces" "${policy:-no}" $(($(now) + stop_timeout + 5)) | write_file "$state/replaced"
  changed=true
  docker update --restart no "$replaces" >/dev/null
  try start_failed "$replaces does not stop" stop_container "$replaces"
}

give_back() {
  local name policy until_at
  [[ -s $state/replaced ]] || return 0
  read -r name policy until_at <"$state/replaced"
  # The engine may still carry out the stop that a killed run ordered.
  until_true "$(remaining $((until_at - $(now))))" is_down "$name" || true
  { docker update --restart "$policy" "$name" && docker start "$name"; } >/dev/null || is_gone "$name" || return 1
  rm -f "$state/replaced"
  # Its start-up time is unknown, so the wait is short.
  [[ ! $publish_port ]] || until_true "$(remaining 15)" answers_by_hand || true
}

is_down() { ! is_running "$1"; }

answers_by_hand() {
  [[ $("${asking[@]}" --max-time 2 --include "http://${publish_address:-127.0.0.1}:$publish_port/" | head -c 5) == HTTP/ ]]
}

take_over_by_hand() {
  [[ $live -eq 0 && $replaces ]] && is_running "$replaces" || return 0
  begin take-over
  give_way
  take_over
  end succeeded
}

switch_over() {
  begin switch
  give_way
  changed=true
  if is_web; then
    route "$slot" "${slot_address[$slot]}:$port" || fail_route
    until_true "$(remaining 15)" is_answering || fail switch_failed 'the new release does not answer through the proxy'
  fi
  write_live "$generation" "$slot" "$digest"
  committed=yes
  use_reserve
  end succeeded
}

fail_route() {
  local what='does not take the new configuration' log=''
  if ! proxy_answers; then
    what='does not start'
    # Read now: the undoing may remove it. Without a word of its own Docker has not started it.
    ! exists "$proxy" || log=$(timeout 20 docker logs --tail 20 "$proxy" 2>&1 | last_lines) || true
  fi
  keep_tail "${log:-$(last_lines <"$scratch/log")}"
  fail switch_failed "the proxy $proxy $what: $(telling_line)"
}

is_answering() { [[ $(answering_slot) == "$slot" ]]; }

# Waits until a slot has answered its last request, by default at most as long as its container may take to stop.
drain_slot() { # slot [seconds]
  local until_at=$(($(now) + $(remaining "${2:-$stop_timeout}")))
  stop_limit=86400
  [[ ${slot_address[$1]:-} && $proxy_dir ]] && find_proxy || return 0
  while (($(in_flight "${slot_address[$1]}") > 0)); do
    if (($(now) >= until_at)); then
      [[ ${2:-} ]] || stop_limit=5
      break
    fi
    ! is_superseded || return 1
    sleep 0.2
  done
}

# Ends what a slot still answers, such as a WebSocket: everybody else waits for the new container.
cut_slot() { # slot
  local count pid id lines=()
  [[ ${slot_address[$1]:-} && $proxy_dir ]] && find_proxy || return 0
  count=$(in_flight "${slot_address[$1]}")
  ((count > 0)) || return 0
  for pid in $(worker_pids); do
    # A worker from before a reload answers "Proxy is disabled."; it ends what it is told one by one.
    [[ $(cli "@!$pid shutdown sessions server app-$app"{,.kept}"/$1") == *disabled* ]] || continue
    while read -r id _; do lines+=("@!$pid shutdown session ${id%:}"); done < <(cli "@!$pid show sess" | grep -E " be=app-$app(.kept)? srv=$1 ")
  done
  cli "${lines[@]}" || return 0
  told="; open requests cut after ${drain_limit:-$stop_timeout} s (drain): $count"
}

# Also waits until the workers from before a reload have ended: they send requests to this slot only.
leave_slot() { # slot
  local until_at=$(($(now) + $(remaining)))
  drain_slot "$1" || return 1
  while has_old_worker && (($(now) < until_at)); do
    ! is_superseded || return 1
    sleep 0.2
  done
}

retire_old() {
  begin drain
  if [[ $before -eq 0 ]]; then
    end skipped
    skip retire
    return
  fi
  if [[ $before_slot != "$slot" ]] && ! leave_slot "$before_slot"; then
    end skipped superseded_fence
    skip retire
    return
  fi
  end succeeded
  begin retire
  leave_other_proxies
  stop_others
  end succeeded
}

# Removes the image only if no other release of any app has tagged it; containerd's store lists the digest among the
# tags. The settings name the image, as a killed run may have removed the tag already.
forget_release() { # generation [image]
  local reference=${2:-} entry settings=$state/releases/${1:?}/settings
  if [[ ! $reference && -e $settings ]]; then
    while IFS= read -r -d '' entry; do
      case $entry in
        image=*) reference=${entry#*=}$reference ;;
        digest=*) reference+=@${entry#*=} ;;
      esac
    done <"$settings"
  fi
  docker rmi "landfall/$app:$1" >/dev/null 2>&1 || true
  [[ ! $reference || " $(docker image inspect --format '{{join .RepoTags " "}}' "$reference" 2>/dev/null) " =~ \ [^@\ ]+\  ]] ||
    docker rmi "$reference" >/dev/null 2>&1 || true
  rm -rf "${settings%/*}"
}

# Removes only releases of this app, and never the live one or the one before.
prune() {
  begin prune
  local number kept=0
  while read -r number; do
    kept=$((kept + 1))
    ((kept > keep && number != live && number != before)) || continue
    docker rm "$(container_of "$number")" >/dev/null 2>&1 || is_gone "$(container_of "$number")" || continue
    forget_release "$number"
  done < <(compgen -G "$state/releases/*" | while read -r number; do printf '%s\n' "${number##*/}"; done | sort -rn)
  end succeeded
}
