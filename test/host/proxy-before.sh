# What commit 79cb2824 wrote for a proxy: functions that take the place of those in host/proxy-config.sh.

proxy_config() {
  local file drain=10 line port=${proxy_publish%:8080} private forwarded
  for file in "$proxy_dir"/apps/*.cfg; do
    read -r line <"$file"
    ((${line##*drain=} <= drain)) || drain=${line##*drain=}
  done
  private='src 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16' forwarded="src ${gateway:-0.0.0.0/0}"
  [[ $port != 127.* ]] || private=always_true forwarded=always_false
  cat <<EOF
global
  fd-hard-limit 50000
  hard-stop-after ${drain}s
  log stdout format raw local0 info

defaults
  mode http
  log global
  log-format "%b status=%ST ms=%Ta bytes=%B end=%ts method=%HM"
  option dontlognull
  timeout connect $((1000 / retries_per_second))ms
  timeout client 10m
  timeout server 10m
  timeout tunnel 1h
  timeout http-request 30s
  timeout http-keep-alive 60s
  option http-server-close
  option idle-close-on-response
  option redispatch 1

frontend public
  bind :8080
  acl private $private
  acl forwarded $forwarded
  http-request del-header X-Forwarded-For unless private !forwarded
  http-request set-header X-Forwarded-Proto http unless private !forwarded { req.hdr(X-Forwarded-Proto) -m found }
  http-request set-header X-Forwarded-Port ${port##*:} unless private !forwarded { req.hdr(X-Forwarded-Port) -m found }
  http-request set-header X-Forwarded-Host %[req.hdr(host)] unless private !forwarded { req.hdr(X-Forwarded-Host) -m found }
  option forwardfor
  http-request set-log-level silent if { src 127.0.0.1 }
  http-response set-header Landfall-Slot %[srv_name] if { src 127.0.0.1 }
  use_backend %[req.hdr(host),host_only,lower,map_str(/landfall/hosts.map)] if { req.hdr(host),host_only,lower,map_str(/landfall/hosts.map) -m found }
  use_backend %[str(*),map_str(/landfall/hosts.map)] if { str(*),map_str(/landfall/hosts.map) -m found }
  default_backend nobody

backend nobody
  http-request set-log-level silent
  http-request return status 404 content-type text/plain string "No app is deployed here under this host."
EOF
}

backend_config() { # slot target
  local slot target=$2
  printf '# hosts=%s hold=%s drain=%s\n' "$(IFS=,; printf '%s' "${hosts[*]:-*}")" "$hold" "$stop_timeout"
  printf 'backend app-%s\n  retries %s\n' "$app" $((hold * retries_per_second))
  printf '  http-request set-log-level silent if { be_sess_rate gt 100 } !{ rand(10) eq 0 }\n'
  for slot in blue green; do
    if [[ $slot == "$1" ]]; then printf '  server %s %s\n' "$slot" "$target"
    else printf '  server %s %s disabled\n' "$slot" "$waiting_room"; fi
  done
}
