# Looks at the instance as a deployment would find it and changes nothing: it writes no file, takes no lock, makes no
# network and pulls no image.

# The reasons for which a deployment would fail here.
obstacles=()

keep_result() { :; }
reason_of() { printf docker_unavailable; }

note() { # reason message
  [[ ! $2 ]] || obstacles+=("{\"reason\":\"$1\",\"message\":$(json_string "${2:0:200}")}")
}

# Runs the checks of a deployment, so the messages are the same.
look_at_engine() {
  local network taker
  read_live
  ! has_image || pulled=true
  note docker_unavailable "$(engine_obstacle)"
  docker network inspect "$own_network" >/dev/null 2>&1 || note start_failed "$(subnet_obstacle)"
  note disk_full "$(disk_obstacle "$directory")"
  for network in "${networks[@]}"; do
    docker network inspect "$network" >/dev/null 2>&1 ||
      note start_failed "the network $network is not there; run: docker network create $network"
  done
  look_at_losses
  is_web || return 0
  find_proxy || true
  note port_in_use "$(port_obstacle)"
  read -r taker < <(port_takers) || taker=''
  ((!proxy_pid)) || proxy_runs=$(docker inspect --format '{{.Config.Image}}' "$proxy") || proxy_runs=''
  proxy_runs=${proxy_runs#*@} proxy_runs=${proxy_runs:0:80}
  holder=${taker:0:80}
  ! is_running "${replaces:-/}" || replaces_runs=true
}

# As many as the answer has room for.
look_at_losses() {
  local lost
  lost=$(list_losses) || note docker_unavailable "Docker does not tell what $replaces has"
  while read -r lost; do
    ((${#losses} < 400)) || break
    losses+=${losses:+,}$(json_string "${lost:0:100}")
  done < <(printf '%s' "${lost:+$lost$'\n'}")
}

memory_bytes() {
  local name kilobytes
  while read -r name kilobytes _; do
    [[ $name != MemAvailable: ]] || printf '%s' $((kilobytes * 1024))
  done </proc/meminfo
}

main() {
  exec 3>&1 >/dev/null 2>&1
  trap on_exit EXIT
  begin inspect
  read_common_parameters
  read_parameter Settings '^[A-Za-z0-9+/]+=*$'
  in_time || refuse too_late 'the command arrived after its time'
  read_rules || true
  read_settings <(base64 --decode <<<"$settings") || refuse order_invalid "$why"
  local pulled=false holder='' losses='' replaces_runs=false proxy_runs='' owned_by memory machine
  state=$root/$app
  find_missing
  ask_engine
  owned_by=$(read_file "$state/owner")
  [[ ${owned_by:-$owner} == "$owner" ]] || note owned_by_other "this app is deployed here by ${owned_by:0:80}"
  if [[ $version ]]; then look_at_engine
  elif command -v docker; then note docker_unavailable "$(engine_obstacle)"; fi
  memory=$(memory_bytes) machine=$(uname -m)
  extra=",\"instance\":\"$here\",\"docker\":\"$version\",\"machine\":$(json_string "${machine:0:20}"),\"missing\":$(json_list "${missing[@]}")"
  extra+=",\"freeBytes\":${free:-0},\"memoryBytes\":${memory:-0},\"owner\":$(json_string "${owned_by:0:80}"),\"pulled\":$pulled"
  extra+=",\"holder\":$(json_string "$holder"),\"replacesRuns\":$replaces_runs,\"losses\":[$losses],\"proxy\":$(json_string "$proxy_runs"),\"firewall\":$(json_string "${firewall:0:120}"),\"obstacles\":$(json_list "${obstacles[@]:0:4}")"
  end succeeded
  finish succeeded planned 'nothing was changed'
}

main
