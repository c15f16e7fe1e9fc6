# Looks at the instance before anything is changed.

log_options=()

inspect_host() {
  begin inspect
  local facts driver directory obstacle
  facts=$(timeout "$(remaining 20)" docker info --format '{{.ServerVersion}}|{{.LoggingDriver}}|{{.DockerRootDir}}' 2>&1) || facts="|${facts:-no answer within 20 s}"
  [[ $facts != \|* ]] || fail docker_unavailable "Docker does not answer: ${facts##*[$'\n'|]}"
  IFS='|' read -r _ driver directory <<<"$facts"
  [[ $driver != json-file && $driver != local ]] || log_options=(--log-opt max-size=10m --log-opt max-file=3)
  lock_host || fail busy 'another command holds the proxies'
  ensure_network
  allot_slots
  ! is_web || settle_renewal || true
  unlock_host
  if [[ -s $state/run ]] || ! live_is_true; then
    make_live_true || true
    changed=true
    read_settings "$scratch/settings"
  fi
  undo=take_back settled=yes
  [[ $live -ne $generation ]] || ! live_is_true || already_live
  obstacle=$(disk_obstacle "$directory")
  [[ ! $obstacle ]] || fail disk_full "$obstacle"
  ((generation == 0)) || ! is_web || inspect_port
  end succeeded
}

# For the release that is already live it also detects changes by hand: another image, a stopped proxy.
live_is_true() {
  read_live
  ((live > 0)) || return 0
  is_running "$(container_of "$live")" || return 1
  ((live != generation)) || { is_image_right "$(container_of "$live")" "$digest" && { ! is_web || find_proxy; }; }
}

already_live() {
  keep_from_metadata
  end succeeded
  retire_others || true
  finish succeeded already_live "generation $generation serves already"
  exit
}

has_image() { docker image inspect "$image@$digest" >/dev/null 2>&1; }

# Prints why the disk is too full for the image, or nothing. An image of the same repository shares an unknown
# number of layers, so only the least that any image takes is required then.
disk_obstacle() { # directory
  local free least=512
  [[ $(docker images --quiet "$image" 2>/dev/null) ]] || least=$((least + image_megabytes))
  free=$(df --output=avail -B1M "$1" 2>/dev/null | tail -n 1) || free=''
  ((${free:-$least} >= least)) || has_image || printf 'only %s MB are free in %s, %s are needed' "${free// /}" "$1" "$least"
}

inspect_port() {
  local obstacle
  obstacle=$(port_obstacle)
  [[ ! $obstacle ]] || fail port_in_use "$obstacle"
}

# Prints what else has the port or serves the app's hosts, or nothing.
port_obstacle() {
  local taker rival
  rival=$(rival_app)
  if [[ $rival ]]; then
    printf '%s serves the same hosts on %s; give each app its hosts' "$rival" "${proxy_publish%:8080}"
    return
  fi
  while read -r taker; do
    [[ $taker != "$proxy" && ($live -ne 0 || $taker != "$replaces") ]] || continue
    printf 'port %s is taken by the container %s; to take it over add the line  replaces: %s' "$publish_port" "$taker" "$taker"
    return
  done < <(port_takers)
  if ! find_proxy && ! is_running "${replaces:-/}" &&
    timeout 1 bash -c "exec 3<>/dev/tcp/${publish_address:-127.0.0.1}/$publish_port" 2>/dev/null; then
    printf 'port %s is taken by a program outside Docker' "$publish_port"
  fi
}

port_takers() { docker ps --filter "publish=$publish_port" --format '{{.Names}}'; }
