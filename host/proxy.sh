# The proxy: one HAProxy for each published address, shared by the apps on it.

# No program listens at this address: HAProxy retries a request that is sent there, which makes it wait.
waiting_room=127.0.0.1:1
# HAProxy retries a held request this often (`timeout connect` below).
retries_per_second=4
proxy='' proxy_dir='' proxy_publish='' proxy_pid=0 proxy_log=''

use_proxy() { # <port> or <address>-<port>
  proxy=landfall-proxy-$1
  proxy_dir=$host/proxies/$1
  proxy_publish=${1/-/:}:8080
  proxy_pid=0 proxy_log=''
}

find_proxy() {
  read -r proxy_pid proxy_log < <(docker inspect --format '{{.State.Pid}} {{.LogPath}}' "$proxy" 2>/dev/null) || proxy_pid=0
  ((proxy_pid > 0))
}

# Every file of the proxy is world-readable: it holds no secret.
proxy_config() {
  local file drain=10 line port=${proxy_publish%:8080} private forwarded
  for file in "$proxy_dir"/apps/*.cfg; do
    read -r line <"$file"
    ((${line##*drain=} <= drain)) || drain=${line##*drain=}
  done
  # A private source is a load balancer, except in the proxy's own network: there are the containers of all apps, and
  # the gateway, under whose address Docker forwards clients over IPv6 and through its userland proxy. On a loopback
  # address these are programs of this machine only, such as the team's own TLS proxy.
  private='src 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16' forwarded=${gateway:-$subnet}
  forwarded="src ${forwarded%.*}.0/24"
  [[ $port != 127.* ]] || private="src ${gateway:-0.0.0.0}" forwarded=always_false
  cat <<EOF
global
  fd-hard-limit 50000
  hard-stop-after ${drain}s
  log stdout format raw local0 info

defaults
  mode http
  log global
  # One line a request, which alarms count. No path: it may hold a token. Not JSON: Docker wraps each line in JSON, and
  # a metric filter matches only the beginning of a text in it. The client chooses the method, so it is last.
  log-format "%b status=%ST ms=%Ta bytes=%B end=%ts method=%HM"
  option dontlognull
  timeout connect $((1000 / retries_per_second))ms
  timeout client 10m
  timeout server 10m
  timeout tunnel 1h
  timeout http-request 30s
  timeout http-keep-alive 60s
  # A connection to the app serves one request, so no request is sent into one that the app is closing.
  option http-server-close
  # After a reload an idle connection is closed with its next answer, not while a request may be on its way.
  option idle-close-on-response
  # A retried request chooses its server again, and so follows the switch.
  option redispatch 1
  # WSGI reads X_Forwarded_Proto as X-Forwarded-Proto, so names with other characters than a-z, 0-9 and - are deleted.
  option http-restrict-req-hdr-names delete

frontend public
  bind :8080
  # Keeps the headers of a load balancer or another proxy in front, and deletes those of a client.
  acl private $private
  acl forwarded $forwarded
  http-request del-header X-Forwarded-For unless private !forwarded
  http-request set-header X-Forwarded-Proto http unless private !forwarded { req.hdr(X-Forwarded-Proto) -m found }
  http-request set-header X-Forwarded-Port ${port##*:} unless private !forwarded { req.hdr(X-Forwarded-Port) -m found }
  http-request set-header X-Forwarded-Host %[req.hdr(host)] unless private !forwarded { req.hdr(X-Forwarded-Host) -m found }
  option forwardfor
  # Landfall's own check of a new release is not a user's request.
  http-request set-log-level silent if { src 127.0.0.1 }
  # Marks the slot, by which a switch is recognised. Only clients inside this container see it.
  http-response set-header Landfall-Slot %[srv_name] if { src 127.0.0.1 }
  use_backend %[req.hdr(host),host_only,lower,map_str(/landfall/hosts.map)] if { req.hdr(host),host_only,lower,map_str(/landfall/hosts.map) -m found }
  use_backend %[str(*),map_str(/landfall/hosts.map)] if { str(*),map_str(/landfall/hosts.map) -m found }
  default_backend nobody

backend nobody
  http-request set-log-level silent
  http-request return status 404 content-type text/plain string "No app is deployed here under this host."
EOF
}

# A change of the first line requires a reload.
backend_config() { # slot target
  local slot target=$2
  printf '# hosts=%s hold=%s drain=%s\n' "$(IFS=,; printf '%s' "${hosts[*]:-*}")" "$hold" "$stop_timeout"
  printf 'backend app-%s\n  retries %s\n' "$app" $((hold * retries_per_second))
  # Docker takes as long for a line as the proxy for a request: above 100 a second it logs each tenth.
  printf '  http-request set-log-level silent if { be_sess_rate gt 100 } !{ rand(10) eq 0 }\n'
  for slot in blue green; do
    if [[ $slot == "$1" ]]; then printf '  server %s %s\n' "$slot" "$target"
    else printf '  server %s %s disabled\n' "$slot" "$waiting_room"; fi
  done
}

hosts_map() {
  local file line name host_name
  for file in "$proxy_dir"/apps/*.cfg; do
    read -r line <"$file"
    line=${line#\# hosts=} name=${file##*/}
    while IFS= read -r -d , host_name; do
      printf '%s app-%s\n' "$host_name" "${name%.cfg}"
    done <<<"${line%% *},"
  done
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

write_public() { # path, content on stdin
  write_file "$1"
  chmod 0644 "$1"
}

# True if a file had to be written.
write_shared_config() {
  local map config
  map=$(hosts_map) config=$(proxy_config)
  [[ $map != "$(read_file "$proxy_dir/hosts.map")" || $config != "$(read_file "$proxy_dir/proxy.cfg")" ]] || return 1
  write_public "$proxy_dir/hosts.map" <<<"$map"
  write_public "$proxy_dir/proxy.cfg" <<<"$config"
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
  docker inspect "$proxy" >/dev/null 2>&1 && return 0
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
  create_proxy && docker start "$proxy" >/dev/null && until_true "$(remaining 10)" proxy_answers
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
  until_true "$(remaining 10)" new_worker "$before"
}

# Sends the app's requests to a slot, or into the waiting room. It writes the file first, which a restart reads, and
# then tells the running workers. It reloads only when hosts or times changed.
route() { # slot target
  local file=$proxy_dir/apps/$app.cfg before='' after pid lines=() reload=no
  install -d -m 0755 "$proxy_dir" "$proxy_dir/apps"
  lock_host || return 1
  [[ ! -e $file ]] || read -r before <"$file"
  backend_config "$1" "$2" >"$file.next"
  chmod 0644 "$file.next"
  read -r after <"$file.next"
  if find_proxy && ! docker exec "$proxy" haproxy -c -q -f /landfall/proxy.cfg -f "/landfall/apps/$app.cfg.next"; then
    unlock_host
    return 1
  fi
  sync "$file.next"
  mv -f "$file.next" "$file"
  sync "$proxy_dir/apps"
  [[ $before == "$after" ]] || reload=yes
  ! write_shared_config || reload=yes
  if ((!proxy_pid)); then start_proxy || { unlock_host; return 1; }
  elif [[ $reload == yes ]]; then reload_proxy || { unlock_host; return 1; }; fi
  for pid in $(worker_pids); do
    lines+=("@!$pid set server app-$app/$1 addr ${2%:*} port ${2#*:}" "@!$pid set server app-$app/$1 state ready"
      "@!$pid set server app-$app/${other_slot[$1]} state drain")
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
    if write_shared_config && find_proxy; then reload_proxy || true; fi
  else
    docker rm --force "$proxy" "$proxy-next" >/dev/null 2>&1 || true
    rm -rf "$proxy_dir"
  fi
  unlock_host
}

# Counts the requests that a slot still answers: the proxy's connections to its address in the kernel's table.
# HAProxy's own session count includes requests that wait.
in_flight() { # slot
  local a b c d hex
  IFS=. read -r a b c d <<<"${slot_address[$1]}"
  printf -v hex '%02X%02X%02X%02X' "$d" "$c" "$b" "$a"
  # The third column is the remote address, the fourth ESTABLISHED, SYN_SENT or CLOSE_WAIT.
  grep -cE "^ *[0-9]+: [0-9A-F:]+ $hex:[0-9A-F]+ 0[128] " "/proc/$proxy_pid/net/tcp" || true
}

# Prints the slot that answers a request through the proxy, or nothing if the proxy itself answers.
answering_slot() {
  local line slot name=${hosts[0]:-$health_host}
  while IFS=$': \r' read -r line slot _; do
    [[ ${line,,} != landfall-slot ]] || printf '%s' "$slot"
  done < <(nsenter --net="/proc/$proxy_pid/ns/net" "${asking[@]}" --max-time "$health_timeout_each" --output /dev/null --dump-header - \
    --header "Host: ${name:-localhost}" "http://127.0.0.1:8080$health_path" | head -c "$most_of_answer")
}
