# --- the order

declare -A slot_address=()
hosts=() predeploy=() command=() volumes=() networks=() log_options=()
env_names=() multi_names=() multi_values=()
registry_host='' registry_username='' registry_password=''
owner='' mode='' settings='' envelope='' state='' slot=none slots='' before=0 before_slot=none fresh=fresh deadline=0 answer_code=000
live=0 live_slot=none live_digest=''
why_reason='' why=''

read_order() {
  read_common_parameters
  read_parameter Mode '^(deploy|restore)$'
  read_parameter Generation '^(0|[1-9][0-9]{0,8})$'
  read_parameter Fence '^[1-9][0-9]{0,14}$'
  read_parameter Settings '^[A-Za-z0-9+/]+=*$'
  read_parameter Envelope '^(-|[A-Za-z0-9+/]+=*)$'
  [[ $mode == restore || $generation -gt 0 ]] || refuse order_invalid 'generation 0 can only be restored'
  base64 --decode <<<"$settings" >"$scratch/settings"
  read_settings "$scratch/settings" || refuse order_invalid "$why"
  ((generation == 0)) || [[ $image && $digest && $strategy ]] || refuse order_invalid 'image, digest or strategy is missing'
  [[ $strategy == worker || ( $port && $publish_port && $proxy_image ) ]] || refuse order_invalid 'port, publishPort or proxyImage is missing'
}

# Every value is held against its form before it is used anywhere.
read_settings() { # file
  local entry name value form
  hosts=() predeploy=() command=() volumes=() networks=()
  kind=deploy image='' digest='' commit='' strategy='' port='' publish_address='' publish_port='' replaces=''
  memory='' stop_timeout=30 hold=30 health_path=/ health_host='' health_from=200 health_to=399
  health_interval=1 health_times=2 health_timeout=120 health_timeout_each=5 keep=5 proxy_image=''
  subnet=172.30.77.0/24 timeout=900 environment='' grace=10
  while IFS= read -r -d '' entry; do
    name=${entry%%=*} value=${entry#*=}
    case $name in
      format) form='^1$' ;;
      kind) form='^(deploy|redeploy|rollback)$' ;;
      image) form='^[a-z0-9][a-z0-9._:/-]{0,254}$' ;;
      digest) form='^(sha256:[0-9a-f]{64})?$' ;;
      commit) form='^([0-9a-f]{40})?$' ;;
      strategy) form='^(blue-green|recreate|worker)$' ;;
      port | publishPort) form='^([1-9][0-9]{0,4})?$' ;;
      publishAddress) form='^([0-9]{1,3}(\.[0-9]{1,3}){3})?$' ;;
      host | healthHost) form='^[A-Za-z0-9._:-]{0,253}$' ;;
      replaces) form='^([A-Za-z0-9][A-Za-z0-9_.-]*)?$' ;;
      network) form='^[A-Za-z0-9][A-Za-z0-9_.-]*$' ;;
      memory) form='^([0-9]+[bkmg]?)?$' ;;
      stopTimeout | hold | healthTimeout | timeout | keep | healthTimes | grace) form='^[0-9]{1,5}$' ;;
      healthFrom | healthTo) form='^[1-5][0-9]{2}$' ;;
      healthInterval) form='^[0-9]{1,4}(\.[0-9]{1,3})?$' ;;
      healthPath) form='^/[!-~]*$' ;;
      proxyImage) form='^([a-z0-9][A-Za-z0-9._:/@-]*)?$' ;;
      subnet) form='^[0-9]{1,3}(\.[0-9]{1,3}){2}\.0/24$' ;;
      volume) form='^[A-Za-z0-9._/-]+:/[^:]*(:[a-z,]+)?$' ;;
      environment) form='^[^[:cntrl:]]{0,64}$' ;;
      predeploy | command) form='' ;;
      *) why="unknown setting $name"; return 1 ;;
    esac
    [[ $value =~ $form ]] || { why="setting $name is malformed"; return 1; }
    case $name in
      format) ;;
      host) hosts+=("${value,,}") ;;
      predeploy) predeploy+=("$value") ;;
      command) command+=("$value") ;;
      volume) volumes+=("$value") ;;
      network) networks+=("$value") ;;
      publishAddress) publish_address=$value ;;
      publishPort) publish_port=$value ;;
      stopTimeout) stop_timeout=$value ;;
      healthPath) health_path=$value ;;
      healthHost) health_host=$value ;;
      healthFrom) health_from=$value ;;
      healthTo) health_to=$value ;;
      healthInterval) health_interval=$value ;;
      healthTimes) health_times=$value ;;
      healthTimeout) health_timeout=$value ;;
      proxyImage) proxy_image=$value ;;
      *) printf -v "$name" '%s' "$value" ;;
    esac
  done <"$1"
  proxy_dir=''
  [[ $strategy == worker ]] || use_proxy "${publish_address:+$publish_address-}$publish_port"
}

is_web() { [[ $strategy != worker ]]; }
container_of() { printf 'landfall-%s.%s' "$app" "$1"; }

# --- lock

# The fence is written before the lock is waited for, so that who holds it can give way.
announce_fence() {
  exec 7>"$state/fence.lock"
  flock 7
  fence_seen=$(read_file "$state/fence" 0)
  if ((fence > fence_seen)); then
    printf '%s\n' "$fence" | write_file "$state/fence"
    fence_seen=$fence
  fi
  exec 7>&-
  ((fence >= fence_seen)) || refuse superseded_fence "fence $fence is lower than $fence_seen, which was seen here"
}

is_superseded() {
  fence_seen=$(read_file "$state/fence" 0)
  ((fence < fence_seen))
}

# Asked again before each thing that cannot be taken back unseen.
give_way() {
  ! is_superseded || fail superseded_fence "a command with fence $fence_seen came in"
  in_time || fail too_late 'the time of this command is over'
}

remaining() {
  local left=$((deadline - $(now)))
  printf '%s' $((left > 1 ? left : 1))
}

take_lock() {
  begin lock
  local owner_here
  owner_here=$(read_file "$state/owner" "$owner")
  [[ $owner_here == "$owner" ]] || refuse owned_by_other "this app is deployed here by $owner_here"
  in_time || refuse too_late 'the command arrived after its time'
  announce_fence
  exec 9>"$state/lock"
  flock --wait "$(remaining)" 9 || refuse busy 'another command holds this app'
  ! is_superseded || refuse superseded_fence "a command with fence $fence_seen came in"
  in_time || refuse too_late 'the lock came free after the time of this command'
  adopt_state
  repeat_result
  end succeeded
}

# A machine cloned from an image keeps what runs on it, not what its original was told.
adopt_state() {
  if [[ $(read_file "$state/instance" "$here") != "$here" ]]; then rm -f "$state/result"; fi
  printf '%s\n' "$here" | write_file "$state/instance"
  printf '%s\n' "$owner" | write_file "$state/owner"
  printf '1\n' | write_file "$state/format"
  local other
  for other in "$state"/scratch/*; do
    # Whoever is alive holds this lock.
    [[ $other == "$scratch" ]] || flock --nonblock "$other/alive" rm -rf "$other" || true
  done
}

# The same command again is told what came of it.
repeat_result() {
  [[ -s $state/result ]] || return 0
  local of code
  read -r of code <"$state/result"
  [[ $of == "$fence" ]] || return 0
  trap - EXIT TERM INT HUP
  tail -n +2 "$state/result" >&3
  rm -rf "$scratch"
  exit "$code"
}

keep_result() { # outcome code text
  [[ $1 != refused && -d ${state:-/nonexistent} ]] || return 0
  printf '%s %s\n%s\n' "$fence" "$2" "$3" | write_file "$state/result"
  rm -f "$state/run"
}

# --- what is live

# `live` holds generation, slot and digest of what shall serve; 0 is nothing of ours. Writing it is the
# moment in which a deployment becomes true: all before it is undone, all after it is tidying.
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

is_running() { [[ $(docker inspect --format '{{.State.Running}}' "$1" 2>/dev/null) == true ]]; }
exists() { docker inspect "$1" >/dev/null 2>&1; }

# The one way back, after a failure here or a run that was killed: makes true again what `live` says.
make_live_true() {
  local attempt='' attempt_slot=none fresh=no deadline=$(($(now) + 300))
  read_live
  [[ ! -s $state/run ]] || read -r attempt attempt_slot fresh <"$state/run"
  docker rm --force "$(container_of "$attempt")-predeploy" >/dev/null 2>&1
  if ((live > 0)) && exists "$(container_of "$live")"; then
    read_settings "$state/releases/$live/settings"
    if ! is_running "$(container_of "$live")"; then
      [[ $attempt == "$live" ]] || discard "$attempt" "$fresh"
      ! is_web || place_in_slot "$(container_of "$live")" "$live_slot"
      docker start "$(container_of "$live")" >/dev/null
      await_health "$(container_of "$live")" "$live_slot"
    fi
    ! is_web || route "$live_slot" "${slot_address[$live_slot]}:$port"
    if [[ $attempt != "$live" ]]; then
      [[ $attempt_slot == "$live_slot" ]] || drain_slot "$attempt_slot"
      discard "$attempt" "$fresh"
    fi
    leave_other_proxies
    retire_others
  else
    discard "$attempt" "$fresh"
    ((live == 0)) || return 0
    proxy_dir=''
    leave_other_proxies
    retire_others
    give_back
  fi
  rm -f "$state/run"
  return 0
}

# A container this run made is removed; one that was kept from before is only stopped.
discard() { # generation fresh
  [[ $1 ]] || return 0
  docker stop "$(container_of "$1")" >/dev/null 2>&1
  [[ $2 == fresh ]] || return 0
  docker rm --force "$(container_of "$1")" >/dev/null 2>&1
  forget_release "$1"
}

# Whatever else of the app runs may finish its requests, then it is stopped and kept.
retire_others() {
  local name other=blue
  [[ $live_slot != blue ]] || other=green
  drain_slot "$other" || return 0
  while read -r name; do
    [[ $name == "$(container_of "$live")" ]] || docker stop "$name" >/dev/null
  done < <(docker ps --filter "label=landfall.app=$app" --format '{{.Names}}')
}

# --- inspect

inspect_host() {
  begin inspect
  local facts driver directory free
  facts=$(docker info --format '{{.ServerVersion}}|{{.LoggingDriver}}|{{.DockerRootDir}}' 2>&1) || facts="|$facts"
  [[ $facts != \|* ]] || fail docker_unavailable "Docker does not answer: ${facts##*$'\n'}"
  IFS='|' read -r _ driver directory <<<"$facts"
  [[ $driver != json-file && $driver != local ]] || log_options=(--log-opt max-size=10m --log-opt max-file=3)
  lock_host
  ensure_network
  allot_slots
  unlock_host
  if [[ -s $state/run ]] || ! live_is_true; then
    make_live_true || true
    changed=true
    read_settings "$scratch/settings"
  fi
  undo=make_live_true
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

# --- pull

pull_images() {
  begin pull
  if has_image && { ! is_web || docker image inspect "$proxy_image" >/dev/null 2>&1; }; then
    end skipped
    return
  fi
  local DOCKER_CONFIG=${DOCKER_CONFIG:-$HOME/.docker}
  has_image || { log_in && pull_image "$image@$digest"; }
  DOCKER_CONFIG=$HOME/.docker
  ! is_web || docker image inspect "$proxy_image" >/dev/null 2>&1 || pull_image "$proxy_image"
  end succeeded
}

# Credentials live as long as the pull, in a configuration of their own.
log_in() {
  [[ $registry_username ]] || return 0
  local text where=()
  export DOCKER_CONFIG=$scratch/docker
  case $registry_host in '' | docker.io | index.docker.io | registry-1.docker.io) ;; *) where=("$registry_host") ;; esac
  text=$(timeout --foreground "$(remaining)" docker login --username "$registry_username" --password-stdin "${where[@]}" \
    2>&1 <<<"$registry_password") || fail_pull "$text"
}

pull_image() { # reference
  local text
  text=$(timeout --foreground "$(remaining)" docker pull --quiet "$1" 2>&1 </dev/null) || fail_pull "$text"
}

fail_pull() { # what docker said
  local reason=pull_failed
  case ${1,,} in
    *'no space left'*) reason=disk_full ;;
    *unauthorized* | *'access denied'* | *'authentication required'* | *denied:* | *'no basic auth'*) reason=registry_unauthorized ;;
    *'manifest unknown'* | *'not found'*) reason=image_gone ;;
  esac
  keep_tail "$1"
  fail "$reason" "${tail_lines[-1]}"
}

# --- configure

open_envelope() {
  [[ $envelope != - ]] || return 0
  [[ $(read_file "$host/instance") == "$here" && -s $host/key.pem && -s $host/cert.pem ]] ||
    refuse key_changed 'this instance has no key of its own yet'
  local text entry head
  # Without -recip OpenSSL now and then "decrypts" with a foreign key.
  text=$(base64 --decode <<<"$envelope" |
    openssl cms -decrypt -binary -inform DER -recip "$host/cert.pem" -inkey "$host/key.pem" -out "$scratch/envelope" 2>&1) || {
    [[ $text != *'using private key'* ]] || refuse key_changed 'the envelope is sealed for another key'
    refuse envelope_invalid 'the envelope cannot be opened'
  }
  exec 6<"$scratch/envelope"
  rm -f "$scratch/envelope"
  IFS= read -r head <&6 || true
  local format of_app of_generation of_instances more
  read -r format of_app of_generation of_instances more <<<"$head"
  [[ $format == landfall/1 && $of_app == "$app" && $of_generation == "$generation" && ,$of_instances, == *",$here,"* && ! $more ]] ||
    refuse envelope_invalid 'the envelope is for another app, generation or instance'
  : >"$scratch/env"
  while IFS= read -r -d '' entry <&6; do
    case $entry in
      'env '*) add_variable "${entry#env }" ;;
      'mask '*) masks+=("${entry#mask }") ;;
      'registry '*) registry_host=${entry#registry } ;;
      'username '*) registry_username=${entry#username } ;;
      'password '*) registry_password=${entry#password } ;;
      *) refuse envelope_invalid 'the envelope holds an entry of unknown kind' ;;
    esac
  done
  exec 6<&-
  sort_masks
}

# Docker's env file knows neither line breaks nor very long lines nor foreign bytes; such a value reaches
# the container by -e NAME, and NAME stands for a moment in docker's own environment.
add_variable() { # NAME=value
  local name=${1%%=*} value=${1#*=}
  [[ $1 == *=* && $name =~ ^[A-Za-z_][A-Za-z0-9_.-]*$ ]] || refuse envelope_invalid "the variable ${name:0:40} has no valid name"
  env_names+=("$name")
  if [[ $value != *[$'\n\r']* && ${#value} -lt 60000 && $value == "$(utf8 "$value")" ]]; then
    printf '%s=%s\n' "$name" "$value" >>"$scratch/env"
    return
  fi
  case $name in
    PATH | HOME | IFS | ENV | PS4 | LANG | TMPDIR | BASH* | SHELL* | LC_* | LD_* | GO* | DOCKER_* | XDG_* | SSL_CERT_* | SSH_* | *_PROXY | *_proxy | UID | EUID | PPID)
      refuse envelope_invalid "the value of $name has line breaks, which a variable of this name must not have"
      ;;
    *[!A-Za-z0-9_]*) refuse envelope_invalid "the value of $name has line breaks; its name may only hold letters, digits and _" ;;
  esac
  multi_names+=("$name")
  multi_values+=("$value")
}

sort_masks() {
  local i j value
  for ((i = 1; i < ${#masks[@]}; i++)); do
    value=${masks[i]}
    for ((j = i; j > 0 && ${#masks[j - 1]} < ${#value}; j--)); do masks[j]=${masks[j - 1]}; done
    masks[j]=$value
  done
}

add_default() { # NAME value
  local name
  for name in "${env_names[@]}"; do [[ $name != "$1" ]] || return 0; done
  [[ ! $2 ]] || printf '%s=%s\n' "$1" "$2" >>"$scratch/env"
}

configure() {
  begin configure
  add_default LANDFALL_APP "$app"
  add_default LANDFALL_COMMIT "$commit"
  add_default LANDFALL_GENERATION "$generation"
  add_default SENTRY_RELEASE "${commit:+$app@$commit}"
  add_default SENTRY_ENVIRONMENT "$environment"
  mkdir -p "$state/releases/$generation"
  write_file "$state/releases/$generation/env" <"$scratch/env"
  write_file "$state/releases/$generation/settings" <"$scratch/settings"
  rm -f "$scratch/env"
  end succeeded
}

# Runs docker with the values of several lines in its environment, and in no other's.
with_values() { (
  local __landfall_i
  for __landfall_i in "${!multi_names[@]}"; do export "${multi_names[__landfall_i]}=${multi_values[__landfall_i]}"; done
  exec "$@"
); }

run_options() {
  local name
  options=(--init --env-file "$state/releases/$generation/env" "${log_options[@]}" --network landfall)
  for name in "${multi_names[@]}"; do options+=(--env "$name"); done
  for name in "${volumes[@]}"; do options+=(--volume "$name"); done
  [[ ! $memory ]] || options+=(--memory "$memory")
}

# --- predeploy, stop, start

# Says what is attempted before it is; a killed run is undone from this.
write_run() { # slot fresh|kept
  printf '%s %s %s\n' "$generation" "$1" "$2" | write_file "$state/run"
}

run_predeploy() {
  begin predeploy
  if ((${#predeploy[@]} == 0)) || [[ $mode == restore || $kind == rollback ]]; then
    end skipped
    return
  fi
  local name text options
  name=$(container_of "$generation")-predeploy
  write_run "$slot" "$fresh"
  run_options
  predeploy_ran=true
  if ! text=$(with_values timeout --foreground "$(remaining)" docker run --rm --name "$name" --label "landfall.predeploy=$app" \
    "${options[@]}" --entrypoint "${predeploy[0]}" "$image@$digest" "${predeploy[@]:1}" 2>&1 </dev/null); then
    keep_tail "$text"
    fail predeploy_failed "${predeploy[0]} ended with an error: ${tail_lines[-1]}"
  fi
  end succeeded
}

# recreate: requests wait at the proxy while the old one ends and the new one starts.
stop_old() {
  begin stop
  give_way
  write_run "$slot" "$fresh"
  if ((live > 0)); then
    changed=true
    [[ $live_slot == none ]] || route "$live_slot" "$waiting_room" || fail_route
    drain_slot "$live_slot" || give_way
    try start_failed 'the old release does not stop' docker stop "$(container_of "$live")"
  elif is_running "${replaces:-/}"; then
    changed=true
    take_over
    route "$slot" "$waiting_room" || fail_route
  fi
  end succeeded
}

choose_slot() {
  slot=blue fresh=fresh
  if ((live > 0)) && is_web; then
    if [[ $strategy == recreate ]]; then slot=$live_slot
    elif [[ $live_slot == blue ]]; then slot=green; fi
  fi
  is_web || slot=none
  if [[ $mode == restore ]] && exists "$(container_of "$generation")"; then fresh=kept; fi
}

start_new() {
  begin start
  local name options network
  name=$(container_of "$generation")
  write_run "$slot" "$fresh"
  if [[ $fresh == kept ]]; then
    ! is_web || place_in_slot "$name" "$slot"
    write_file "$state/releases/$generation/settings" <"$scratch/settings"
  else
    run_options
    docker rm --force "$name" >/dev/null 2>&1 || true
    ! is_web || options+=(--ip "${slot_address[$slot]}")
    try start_failed 'the container cannot be created' with_values docker create --name "$name" \
      --label "landfall.app=$app" --label "landfall.generation=$generation" --label "landfall.digest=$digest" \
      --label "landfall.owner=$owner" --label "landfall.slots=$slots" --restart unless-stopped --stop-timeout "$stop_timeout" \
      "${options[@]}" "$image@$digest" "${command[@]}"
    for network in "${networks[@]}"; do
      try start_failed "the network $network" docker network connect "$network" "$name"
    done
    docker tag "$image@$digest" "landfall/$app:$generation"
  fi
  try start_failed 'the container cannot be started' docker start "$name"
  is_image_right "$name" || fail digest_mismatch 'the running image is not the one that was ordered'
  end succeeded
}

is_image_right() { # container
  local id
  id=$(docker inspect --format '{{.Image}}' "$1")
  [[ $(docker image inspect --format '{{.RepoDigests}}' "$id") == *"@$digest"* ]]
}

# A stopped container that is to serve again gets the address of the slot that is free now.
place_in_slot() { # container slot
  [[ $(docker inspect --format '{{(index .NetworkSettings.Networks "landfall").IPAMConfig.IPv4Address}}' "$1") != "${slot_address[$2]}" ]] || return 0
  docker network disconnect --force landfall "$1"
  docker network connect --ip "${slot_address[$2]}" landfall "$1"
}

# --- check

check_new() {
  begin check
  if await_health "$(container_of "$generation")" "$slot"; then
    end succeeded
    return
  fi
  keep_tail "$(docker logs --tail 200 "$(container_of "$generation")" 2>&1)"
  [[ $why_reason != exited ]] || why+=": ${tail_lines[-1]}"
  fail "$why_reason" "$why"
}

# Asks from inside the container's network, at its own address, so that no firewall of the host matters.
await_health() { # container slot
  local status pid restarts code name in_a_row=0 first_pid='' until_at pause body
  until_at=$(($(now) + health_timeout))
  is_web || until_at=$(($(now) + grace))
  ((until_at <= deadline)) || until_at=$deadline
  name=${health_host:-${hosts[0]:-localhost}}
  while :; do
    read -r status pid restarts code < <(docker inspect --format '{{.State.Status}} {{.State.Pid}} {{.RestartCount}} {{.State.ExitCode}}' "$1")
    if [[ $status != running || $restarts != 0 || $pid != "${first_pid:=$pid}" ]]; then
      why_reason=exited why="the container exited and was started again"
      [[ $status == running ]] || why="the container exited with code $code"
      return 1
    fi
    pause=$health_interval
    if is_web && ask_health "$pid" "${slot_address[$2]}" "$name"; then
      in_a_row=$((in_a_row + 1))
      ((in_a_row < health_times)) || return 0
    elif is_web; then
      in_a_row=0
      [[ $answer_code != 000 ]] || pause=0.2
    fi
    if (($(now) >= until_at)); then
      is_web || return 0
      why_reason=unhealthy
      why_unhealthy
      return 1
    fi
    sleep "$pause"
  done
}

ask_health() { # pid address host
  answer_code=$(nsenter --net="/proc/$1/ns/net" curl -q --globoff --noproxy '*' --silent --max-time "$health_timeout_each" --max-filesize 1000000 \
    --output "$scratch/body" --write-out '%{http_code}' --user-agent landfall --header "Host: $3" "http://$2:$port$health_path") || true
  ((10#${answer_code:-0} >= health_from && 10#${answer_code:-0} <= health_to))
}

why_unhealthy() {
  local body=''
  if [[ $answer_code == 000 ]]; then
    why="nothing answers on port $port within ${health_timeout} s; does the app listen on 0.0.0.0:$port?"
    return
  fi
  IFS= read -r body <"$scratch/body" || true
  why="the last answer was $answer_code ${body:0:120}"
  [[ $answer_code != 400 ]] || why+='; is the host in ALLOWED_HOSTS?'
}

# --- take-over, switch

# The container that was run by hand is stopped, never removed.
take_over() {
  local policy
  policy=$(docker inspect --format '{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}' "$replaces")
  printf '%s %s\n' "$replaces" "${policy%:0}" | write_file "$state/replaced"
  changed=true
  docker update --restart no "$replaces" >/dev/null
  try start_failed "$replaces does not stop" docker stop "$replaces"
}

give_back() {
  local name policy
  [[ -s $state/replaced ]] || return 0
  read -r name policy <"$state/replaced"
  docker update --restart "$policy" "$name" >/dev/null && docker start "$name" >/dev/null
  rm -f "$state/replaced"
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
    until_true 15 is_answering || fail switch_failed 'the new release does not answer through the proxy'
  fi
  write_live "$generation" "$slot" "$digest"
  undo=''
  end succeeded
}

fail_route() {
  keep_tail "$(tail -n 20 "$scratch/log")"
  fail switch_failed "the proxy does not take the new configuration: ${tail_lines[-1]}"
}

is_answering() { [[ $(answering_slot) == "$slot" ]]; }

# --- drain, retire, prune

# Waits until a slot has answered its last request, for as long as its container may take to stop.
drain_slot() { # slot
  local until_at=$(($(now) + stop_timeout))
  if [[ ! ${slot_address[$1]:-} || ! $proxy_dir ]] || ! find_proxy; then return 0; fi
  while (($(in_flight "$1") > 0 && $(now) < until_at)); do
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
  if [[ $before_slot != "$slot" ]] && ! drain_slot "$before_slot"; then
    end skipped superseded_fence
    skip retire
    return
  fi
  end succeeded
  begin retire
  leave_other_proxies
  retire_others
  end succeeded
}

# Its image goes only when no other release, of whatever app, has a name for it.
forget_release() { # generation
  local reference
  reference=$(docker image inspect --format '{{index .RepoDigests 0}}' "landfall/$app:$1" 2>/dev/null) || reference=''
  docker rmi "landfall/$app:$1" >/dev/null 2>&1 || true
  [[ ! $reference || $(docker image inspect --format '{{.RepoTags}}' "$reference" 2>/dev/null) != '[]' ]] ||
    docker rmi "$reference" >/dev/null 2>&1 || true
  rm -rf "$state/releases/${1:?}"
}

# Only what this app brought here, and never the live release or the one before.
prune() {
  begin prune
  local number kept=0
  while read -r number; do
    kept=$((kept + 1))
    ((kept > keep && number != live && number != before)) || continue
    docker rm "$(container_of "$number")" >/dev/null 2>&1 || true
    forget_release "$number"
  done < <(compgen -G "$state/releases/*" | while read -r number; do printf '%s\n' "${number##*/}"; done | sort -rn)
  end succeeded
}

# --- the story

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

# Generation 0: nothing of ours was live.
restore_nothing() {
  begin switch
  give_way
  changed=true
  write_live 0 none -
  undo=''
  make_live_true
  end succeeded
  finish succeeded restored 'nothing of ours is live'
  exit
}

main() {
  state=$root/${SSM_App:-}
  [[ ${SSM_App:-} =~ ^[a-z][a-z0-9-]{0,38}[a-z0-9]$ ]] || state=$host
  open_output "$state"
  read_order
  deadline=$(($(now) + timeout))
  take_lock
  open_envelope
  inspect_host
  before=$live before_slot=$live_slot
  ((generation > 0)) || restore_nothing
  choose_slot
  if [[ $fresh == kept ]]; then
    skip pull
    skip configure
  else
    pull_images
    configure
  fi
  if [[ $strategy == recreate ]]; then stop_old; fi
  run_predeploy
  start_new
  check_new
  take_over_by_hand
  switch_over
  retire_old
  prune
  finish succeeded "$([[ $mode == restore ]] && printf restored || printf deployed)" "generation $generation is live"
}

main
