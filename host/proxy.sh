# The proxy: one HAProxy for each published address, shared by the apps on it.

proxy='' proxy_dir='' proxy_publish='' proxy_pid=0 proxy_log=''

use_proxy() { # <port> or <address>-<port>
  proxy=landfall-proxy-$1
  proxy_dir=$host/proxies/$1
  proxy_publish=${1/-/:}:8080
  proxy_pid=0 proxy_log=''
}

# As long as its process lives, what is known of it holds.
find_proxy() {
  ((proxy_pid)) && [[ -e /proc/$proxy_pid ]] && return
  read -r proxy_pid proxy_log < <(docker inspect --format '{{.State.Pid}} {{.LogPath}}' "$proxy" 2>/dev/null) || proxy_pid=0
  ((proxy_pid > 0))
}

# Prints another app that serves one of this app's hosts here.
rival_app() {
  local host_name backend mine
  while read -r host_name backend; do
    for mine in "${hosts[@]:-*}"; do
      [[ $host_name != "$mine" || $backend == "app-$app" ]] || printf '%s' "${backend#app-}"
    done
  done < <(read_file "$proxy_dir/hosts.map" | cat - <(echo))
}

# Sends commands to the master's command line, inside the proxy's network namespace.
cli() { # lines...
  timeout 5 nsenter --net="/proc/$proxy_pid/ns/net" bash -c \
    "exec 4<>/dev/tcp/127.0.0.1/9999 || exit; printf '%s\n' \"\$@\" quit >&4; head -c 65536 <&4" cli "$@"
}

# After a reload the old worker runs until its last request is answered.
worker_pids() {
  local pid kind
  while read -r pid kind _; do
    [[ $kind != worker ]] || printf '%s\n' "$pid"
  done < <(cli 'show proc')
}

# A worker that is ending refuses `set server` ("Proxy is disabled."). It answers each client once more and ends with
# the last one, or after hard-stop-after.
has_old_worker() { ((proxy_pid > 0 && $(worker_pids | wc -l) > 1)); }

until_true() { # seconds, command...
  local end_at=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    (($(now_ms) < end_at)) || return 1
    sleep 0.05
  done
}

create_proxy() {
  ! exists "$proxy" || return 0
  # json-file regardless of the daemon's default: its size is limited, and its path is known to a log collector.
  docker create --name "$proxy" --label "landfall.proxy=${proxy%-next}" --restart unless-stopped \
    --network "$own_network" --publish "$proxy_publish" --log-driver json-file --log-opt max-size=10m --log-opt max-file=3 \
    --mount "type=bind,src=$proxy_dir,dst=/landfall,readonly" \
    --cap-drop ALL --security-opt no-new-privileges --read-only \
    --entrypoint haproxy "$proxy_image" \
    -W -db -S 127.0.0.1:9999 -f /landfall/proxy.cfg -f /landfall/apps >/dev/null
}

# A renewal that was killed: what runs is the proxy.
settle_renewal() {
  [[ -e $proxy_dir/renewal ]] || return 0
  if is_running "$proxy-next"; then
    docker rm --force "$proxy" >/dev/null 2>&1
    docker rename "$proxy-next" "$proxy"
  else docker rm "$proxy-next" >/dev/null 2>&1; fi
  is_gone "$proxy-next" && rm "$proxy_dir/renewal"
}

proxy_answers() { find_proxy && worker_pids | grep -q .; }

start_proxy() {
  create_proxy && docker start "$proxy" >/dev/null && until_true "$(remaining 10)" proxy_answers && rm -f "$proxy_dir/stale"
}

new_worker() { # pid of the worker before
  local newest
  newest=$(worker_pids | head -n 1)
  [[ $newest && $newest != "$1" ]]
}

reload_proxy() {
  local before
  before=$(worker_pids | head -n 1)
  cli reload >/dev/null || true
  until_true "$(remaining 10)" new_worker "$before" && rm -f "$proxy_dir/stale"
}

# Writes the app's next file, and has the proxy that runs check it, unless this run did so already while the app began.
is_checked() { # slot target
  local file=$proxy_dir/apps/$app.cfg.next
  wait
  backend_config "$1" "$2" >"$file"
  chmod 0644 "$file"
  ((proxy_pid)) && [[ $(<"$file") != "$(read_file "$scratch/file")" ]] || return 0
  docker exec "$proxy" haproxy -c -q -f /landfall/proxy.cfg -f "/landfall/apps/$app.cfg.next" && cp "$file" "$scratch/file"
}

# Sends the app's requests to a slot, or into the waiting room. It writes the file first, which a restart reads, and
# then tells the running workers. It reloads only when hosts or times changed, also those of a run that was killed.
route() { # slot target
  local file=$proxy_dir/apps/$app.cfg before='' after pid backend lines=()
  install -d -m 0755 "$proxy_dir" "$proxy_dir/apps"
  lock_host || return 1
  [[ ! -e $file ]] || read -r before <"$file"
  find_proxy || true
  is_checked "$1" "$2" || { unlock_host; return 1; }
  read -r after <"$file.next"
  sync "$file.next"
  [[ $before == "$after" ]] || : >"$proxy_dir/stale"
  mv -f "$file.next" "$file"
  sync "$proxy_dir/apps"
  write_shared_config || true
  if ((!proxy_pid)); then start_proxy
  elif [[ -e $proxy_dir/stale ]]; then reload_proxy; fi || { unlock_host; return 1; }
  for pid in $(worker_pids); do
    for backend in "app-$app" "app-$app.kept"; do
      # `maint` also closes the connections that no request uses.
      lines+=("@!$pid set server $backend/$1 addr ${2%:*} port ${2#*:}" "@!$pid set server $backend/$1 state ready"
        "@!$pid set server $backend/${other_slot[$1]} state maint")
    done
  done
  cli "${lines[@]}"
  # A path of the log that stays the same when the container is replaced.
  [[ ! $proxy_log ]] || ln -sfn "$proxy_log" "$proxy_dir/log"
  unlock_host
}

# Takes the app from every proxy but the current one, and removes a proxy with its last app.
leave_other_proxies() {
  local current=$proxy_dir file
  for file in "$host"/proxies/*/apps/"$app.cfg"; do
    [[ -e $file && $file != "$current/apps/$app.cfg" ]] || continue
    file=${file%/apps/*}
    use_proxy "${file##*/}"
    unroute
  done
  [[ ! $current ]] || use_proxy "${current##*/}"
}

unroute() {
  lock_host || return 0
  rm -f "$proxy_dir/apps/$app.cfg"
  if compgen -G "$proxy_dir/apps/*.cfg" >/dev/null; then
    { write_shared_config && find_proxy && reload_proxy; } || true
  else
    docker rm --force "$proxy" "$proxy-next" >/dev/null 2>&1 || true
    rm -rf "$proxy_dir"
  fi
  unlock_host
}

# Counts the requests that apps still answer: the connections of all workers that a request uses. A proxy that runs and
# does not tell may answer one. Bash evaluates what it reckons with, so nothing but a number may come that far.
in_flight() { # pattern of addresses
  local pid name address used lines=() count=''
  for pid in $(worker_pids); do lines+=("@!$pid show servers conn"); done
  while read -r name _ address _ _ _ used _; do
    [[ $name == */* ]] || continue
    [[ $address =~ ^$1$ ]] || used=0
    [[ $used =~ ^[0-9]{1,6}$ ]] || used=1
    count=$((count + 10#$used))
  done < <(cli "${lines[@]}")
  [[ $count || ! -e /proc/$proxy_pid ]] || count=1
  printf '%s' "${count:-0}"
}

# Prints the slot that answers a request through the proxy, or nothing if the proxy itself answers.
answering_slot() {
  local line slot name=${hosts[0]:-$health_host}
  while IFS=$': \r' read -r line slot _; do
    [[ ${line,,} != landfall-slot ]] || printf '%s' "$slot"
  done < <(nsenter --net="/proc/$proxy_pid/ns/net" "${asking[@]}" --max-time "$health_timeout_each" --output /dev/null --dump-header - \
    --header "Host: ${name:-localhost}" "http://127.0.0.1:8080$health_path" | head -c "$most_of_answer")
}
