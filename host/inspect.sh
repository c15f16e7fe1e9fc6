# What is there before anything is changed.

inspect_host() {
  begin inspect
  local facts driver directory free
  facts=$(timeout "$(remaining 20)" docker info --format '{{.ServerVersion}}|{{.LoggingDriver}}|{{.DockerRootDir}}' 2>&1) || facts="|${facts:-no answer within 20 s}"
  [[ $facts != \|* ]] || fail docker_unavailable "Docker does not answer: ${facts##*[$'\n'|]}"
  IFS='|' read -r _ driver directory <<<"$facts"
  [[ $driver != json-file && $driver != local ]] || log_options=(--log-opt max-size=10m --log-opt max-file=3)
  lock_host || fail busy 'another command holds the proxies'
  ensure_network
  allot_slots
  unlock_host
  if [[ -s $state/run ]] || ! live_is_true; then
    make_live_true || true
    changed=true
    read_settings "$scratch/settings"
  fi
  undo=take_back
  [[ $live -ne $generation ]] || ! live_is_true || already_live
  free=$(df --output=avail -B1M "$directory" 2>/dev/null | tail -n 1) || free=''
  ((${free:-512} >= 512)) || has_image || fail disk_full "only ${free// /} MB are free in $directory"
  ((generation == 0)) || ! is_web || inspect_port
  end succeeded
}

live_is_true() {
  read_live
  ((live == 0)) || is_running "$(container_of "$live")"
}

already_live() {
  end succeeded
  retire_others
  finish succeeded already_live "generation $generation serves already"
  exit
}

has_image() { docker image inspect "$image@$digest" >/dev/null 2>&1; }

# Nobody else may sit on the port, nor serve our hosts.
inspect_port() {
  local taker rival
  rival=$(rival_app)
  [[ ! $rival ]] || fail port_in_use "$rival serves the same hosts on ${proxy_publish%:8080}; give each app its hosts"
  while read -r taker; do
    [[ $taker == "$proxy" || ($live -eq 0 && $taker == "$replaces") ]] ||
      fail port_in_use "port $publish_port is taken by the container $taker; to take it over add the line  replaces: $taker"
  done < <(docker ps --filter "publish=$publish_port" --format '{{.Names}}')
  if ! find_proxy && ! is_running "${replaces:-/}" &&
    timeout 1 bash -c "exec 3<>/dev/tcp/${publish_address:-127.0.0.1}/$publish_port" 2>/dev/null; then
    fail port_in_use "port $publish_port is taken by a program outside Docker"
  fi
}
