# The files that a proxy reads.

# No program listens at this address: HAProxy retries a request that is sent there, which makes it wait.
waiting_room=127.0.0.1:1
# HAProxy retries a held request this often (`timeout connect` below).
retries_per_second=4
# Of these files.
proxy_format=landfall/2

# Every file of the proxy is world-readable: it holds no secret. A change of what the files mean takes another number in
# `description`, by which a proxy with files of before is recognised.
proxy_config() {
  local file drain=10 line name range fronts='' port=${proxy_publish%:8080} private forwarded
  for file in "$proxy_dir"/apps/*.cfg; do
    read -r line <"$file"
    ((${line##*drain=} <= drain)) || drain=${line##*drain=}
    [[ $line =~ \ trusted=([0-9][^ ]+) ]] || continue
    name=${file##*/} name=app-${name%.cfg} range=${BASH_REMATCH[1]//,/ }
    fronts+="
  acl front-$name src $range
  http-request set-var(txn.front) bool(true) if front-$name { var(txn.app) -m str $name }
  http-request unset-var(txn.front) if !front-$name { var(txn.app) -m str $name }"
  done
  # A private source is a load balancer, except in the proxy's own network: there are the containers of all apps, and
  # the gateway, under whose address Docker forwards clients over IPv6 and through its userland proxy. On a loopback
  # address these are programs of this machine only, such as the team's own TLS proxy.
  private='src 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16' forwarded=${gateway:-$subnet}
  forwarded="src ${forwarded%.*}.0/24"
  [[ $port != 127.* ]] || private="src ${gateway:-0.0.0.0}" forwarded=always_false
  cat <<EOF
global
  description $proxy_format
  # The apps need the other processors, and fewer threads do more with each turn of theirs.
  nbthread $(($(nproc)+1>>1))
  fd-hard-limit 50000
  hard-stop-after ${drain}s
  log stdout format raw local0 info

defaults
  mode http
  log global
  # One line a request, which alarms count. No path: it may hold a token. Not JSON: Docker wraps each line in JSON, and
  # a metric filter matches only the beginning of a text in it. The client chooses the method, so it is last.
  log-format "%[var(txn.app)] status=%ST ms=%Ta bytes=%B end=%ts method=%HM"
  option dontlognull
  # An event of a stream is sent when it is there, not with the next one.
  option http-no-delay
  timeout connect $((1000 / retries_per_second))ms
  timeout client 10m
  timeout server 10m
  timeout tunnel 1h
  timeout http-request 30s
  timeout http-keep-alive 60s
  # After a reload an idle connection is closed with its next answer, not while a request may be on its way.
  option idle-close-on-response
  # Connections to the apps are idle for less than the time after which app servers close them.
  default-server pool-purge-delay 250ms
  # A retried request chooses its server again, and so follows the switch.
  option redispatch 1
  # WSGI reads X_Forwarded_Proto as X-Forwarded-Proto, so names with other characters than a-z, 0-9 and - are deleted.
  option http-restrict-req-hdr-names delete

frontend public
  bind :8080
  # A host is a name: in capitals, with a port and with the dot at its end it is the same.
  http-request set-var(txn.app) req.fhdr(host),host_only,lower,rtrim(.),map_str(/landfall/hosts.map)
  http-request set-var(txn.app) str(*),map_str(/landfall/hosts.map) unless { var(txn.app) -m found }
  # Keeps the headers of a load balancer or another proxy in front, and deletes those of a client.
  http-request set-var(txn.front) bool(true) if { $private } !{ $forwarded }$fronts
  acl front var(txn.front) -m found
  http-request del-header X-Forwarded- -m beg unless front
  http-request del-header Forwarded unless front
  http-request del-header X-Real-IP unless front
  http-request set-header X-Forwarded-Proto http unless { req.hdr(X-Forwarded-Proto) -m found }
  http-request set-header X-Forwarded-Port ${port##*:} unless { req.hdr(X-Forwarded-Port) -m found }
  http-request set-header X-Forwarded-Host %[req.hdr(host)] unless { req.hdr(X-Forwarded-Host) -m found }
  option forwardfor
  # An app that took it up would read what follows past these rules.
  http-request del-header Upgrade if { req.fhdr(Upgrade) -m sub -i h2c }
  # A slow body would hold a worker of the app. Longer ones are passed on as they come.
  http-request wait-for-body time 30s if { req.hdr_val(Content-Length) 1:8192 }
  # Landfall's own check of a new release is not a user's request.
  http-request set-log-level silent if { src 127.0.0.1 }
  # Marks the slot, by which a switch is recognised. Only clients inside this container see it.
  http-response set-header Landfall-Slot %[srv_name] if { src 127.0.0.1 }
  # A client repeats these by itself where the app closes the connection at that moment, and nothing else.
  use_backend %[var(txn.app)].kept if METH_GET !{ req.hdr(Content-Length) -m found } !{ req.hdr(Transfer-Encoding) -m found } !{ req.hdr(Upgrade) -m found } { var(txn.app) -m found }
  use_backend %[var(txn.app)] if { var(txn.app) -m found }
  default_backend nobody

backend nobody
  http-request set-log-level silent
  http-request return status 404 content-type text/plain string "No app is deployed here under this host."
EOF
}

# A change of the first line requires a reload.
backend_config() { # slot target
  local slot backend=app-$app more target=$2
  printf '# hosts=%s hold=%s trusted=%s drain=%s\n' "$(IFS=,; printf '%s' "${hosts[*]:-*}")" "$hold" "$(IFS=,; printf '%s' "${trusted[*]}")" "$stop_timeout"
  # A connection to the app serves one request, so none is sent into one that the app is closing; or it is kept for the
  # next.
  for more in '' .kept; do
    printf 'backend %s\n  retries %s\n' "$backend$more" $((hold * retries_per_second))
    [[ $more ]] || printf '  option http-server-close\n'
    # Docker takes as long for a line as the proxy for a request: of more than 100 a second it logs about 100.
    printf '  http-request set-var(txn.rate) be_sess_rate(%s)\n' "$backend.kept" "$backend),add(txn.rate"
    printf '  http-request set-log-level silent if { rand(1000),mul(txn.rate) gt 99999 }\n'
    for slot in blue green; do
      if [[ $slot == "$1" ]]; then printf '  server %s %s\n' "$slot" "$target"
      else printf '  server %s %s disabled\n' "$slot" "$waiting_room"; fi
    done
  done
}

# Writes the files of the apps anew that are of before.
upgrade_apps() {
  local file line slot target app hosts hold trusted stop_timeout
  for file in "$proxy_dir"/apps/*.cfg; do
    read -r line <"$file"
    [[ $line =~ hosts=([^ ]+)\ hold=([0-9]+)(\ trusted=([^ ]*))?\ drain=([0-9]+) ]] || continue
    app=${file##*/} app=${app%.cfg} hold=${BASH_REMATCH[2]} stop_timeout=${BASH_REMATCH[5]}
    IFS=, read -ra hosts <<<"${BASH_REMATCH[1]}"
    IFS=, read -ra trusted <<<"${BASH_REMATCH[4]}"
    read -r _ slot target < <(grep -m 1 '^  server .*[0-9]$' "$file")
    backend_config "$slot" "$target" | write_public "$file"
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

write_public() { # path, content on stdin
  write_file "$1"
  chmod 0644 "$1"
}

# True if a file had to be written.
write_shared_config() {
  local map config
  [[ $(read_file "$proxy_dir/proxy.cfg") == *$proxy_format* ]] || upgrade_apps
  map=$(hosts_map) config=$(proxy_config)
  [[ $map != "$(read_file "$proxy_dir/hosts.map")" || $config != "$(read_file "$proxy_dir/proxy.cfg")" ]] || return 1
  : >"$proxy_dir/stale"
  write_public "$proxy_dir/hosts.map" <<<"$map"
  write_public "$proxy_dir/proxy.cfg" <<<"$config"
}
