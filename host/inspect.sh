# Looks at the instance before anything is changed.

log_options=()

inspect_host() {
  begin inspect
  local version='' logging driver directory obstacle
  # Some versions of docker print the separators where nothing answers.
  IFS='|' read -r version logging driver directory < <(timeout "$(remaining 20)" \
    docker info --format '{{.ServerVersion}}|{{.LoggingDriver}}|{{.Driver}}|{{.DockerRootDir}}' 2>"$scratch/said") || true
  if [[ ! $version ]]; then
    keep_tail "$(last_lines <"$scratch/said")"
    obstacle=$(telling_line)
    fail docker_unavailable "Docker does not answer: ${obstacle:-no answer within 20 s}"
  fi
  find_images "$driver"
  [[ $logging != json-file && $logging != local ]] || log_options=(--log-opt max-size=10m --log-opt max-file=3)
  lock_host || fail busy 'another command holds the proxies'
  ensure_network
  allot_slots
  ! is_web || settle_renewal || true
  unlock_host
  if [[ -s $state/run ]] || ! live_is_true; then
    make_live_true || engine_answers || fail docker_unavailable 'Docker does not answer any more'
    changed=true
    read_settings "$scratch/settings"
  fi
  undo=take_back settled=yes
  [[ $live -ne $generation ]] || ! live_is_true || already_live
  obstacle=$(disk_obstacle "$directory")
  [[ ! $obstacle ]] || fail disk_full "$obstacle"
  ((generation == 0)) || ! is_web || inspect_port
  [[ $generation -eq 0 || $mode == restore ]] || expect_no_loss
  end succeeded
}

# For the release that is already live it also detects changes by hand: another image, a stopped proxy. Where none is
# live, a container that was taken over has to be given back.
live_is_true() {
  read_live
  ((live > 0)) || { [[ ! -s $state/replaced ]] && return 0 || return 1; }
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
  local free inodes least=$((512 + image_megabytes))
  measure_disk 1M "$1"
  if ((${free:-$least} < least)) && [[ $(docker images --quiet "$image") ]]; then least=512; fi
  if ((${free:-$least} < least)); then
    has_image || printf 'only %s MB are free in %s, %s are needed' "$free" "$1" "$least"
  elif ((inodes < 10000)); then
    has_image || printf 'only %s inodes are free in %s, 10000 are needed: too many small files' "$inodes" "$1"
  fi
}

inspect_port() {
  find_proxy || true
  obstacle=$(port_obstacle)
  [[ ! $obstacle ]] || fail port_in_use "$obstacle"
}

# Prints what else has the port or serves the app's hosts, or nothing. A proxy that runs has its port.
port_obstacle() {
  local taker rival
  rival=$(rival_app)
  if [[ $rival ]]; then
    printf '%s serves the same hosts on %s; give each app its hosts' "$rival" "${proxy_publish%:8080}"
    return
  fi
  ((!proxy_pid)) || return 0
  while read -r taker; do
    if [[ $taker == "$replaces" ]]; then
      ((live > 0)) || return 0
      printf 'port %s is taken by %s, which runs again although it was replaced; run: docker stop %s' "$publish_port" "$taker" "$taker"
    elif [[ $taker == landfall-proxy-* ]]; then
      [[ ${taker%-next} != "$proxy" ]] || continue
      taker=${taker#landfall-proxy-}
      printf 'port %s is taken by the proxy of other apps; write  publish: %s  or choose another port' "$publish_port" "${taker/-/:}"
    else
      printf 'port %s is taken by the container %s; if your app runs in it, add the line  replaces: %s' "$publish_port" "$taker" "$taker"
    fi
    return
  done < <(port_takers)
  timeout 1 bash -c "exec 3<>/dev/tcp/${publish_address:-127.0.0.1}/$publish_port" 2>/dev/null || return 0
  # Docker publishes no port of these.
  taker=" $(docker ps --filter network=host --format '{{.Names}}' | head -c 4096 | tr '\n' ' ')"
  [[ $live -gt 0 || ! $replaces || $taker != *" $replaces "* ]] || return 0
  printf 'port %s is taken by a program outside Docker' "$publish_port"
  [[ $taker == ' ' ]] || printf ', or by a container in the network of the host:%s' "${taker% }"
}

# Prints the containers that publish the app's port on its address: Docker finds them by the port alone.
port_takers() {
  local name port ip number ids
  mapfile -t ids < <(docker ps --quiet --filter "publish=$publish_port")
  [[ ${ids[*]} ]] || return 0
  while IFS='|' read -r name port ip number; do
    [[ $number == "$publish_port" && $port == */tcp ]] || continue
    [[ ! $publish_address || $ip == "$publish_address" || ($ip != *:* && ($ip == 0.0.0.0 || $publish_address == 0.0.0.0)) ]] || continue
    printf '%s\n' "${name#/}"
  done < <(docker inspect --format '{{$name := .Name}}{{range $port, $all := .NetworkSettings.Ports}}{{range $all}}{{$name}}|{{$port}}|{{.HostIp}}|{{.HostPort}}
{{end}}{{end}}' "${ids[@]}" 2>/dev/null)
}
