# Makes this instance's proxies anew, of the image that an operator has chosen. Nothing else replaces a proxy.

# The longest that requests are waited for while the port is closed.
most_patience_ms=1000
proxyimage='' longest_gap=0 renewed=0

keep_result() { :; }

reason_of() { # step
  case $1 in
    lock) printf busy ;;
    pull) printf pull_failed ;;
    *) printf switch_failed ;;
  esac
}

# One renewal at a time; a late command of an earlier word changes nothing.
take_turn() {
  begin lock
  in_time || refuse too_late 'the command arrived after its time'
  exec 7>"$host/renewal.lock"
  flock --wait "$(remaining)" 7 || refuse busy 'another renewal holds the proxies'
  fence_seen=$(read_file "$host/renewal" 0)
  ((fence >= fence_seen)) || refuse superseded_fence "fence $fence is lower than $fence_seen, which was seen here"
  printf '%s\n' "$fence" | write_file "$host/renewal"
  fence_seen=$fence
  end succeeded
}

# No deployment of an app behind the proxy runs meanwhile: each holds its app's lock to its end. False where another
# stage deploys one of them: that proxy is left alone.
lock_apps() {
  local file app_lock
  for file in "$proxy_dir"/apps/*.cfg; do
    file=${file##*/}
    app=${file%.cfg}
    [[ $(read_file "$root/$app/owner") == "$owner" ]] || return 1
    exec {app_lock}>"$root/$app/lock"
    flock --wait "$(remaining 60)" "$app_lock" || fail busy "a deployment of $app runs"
  done
}

# HAProxy closes its port at the signal and ends with its last connection. An idle client keeps one for a minute, so only
# requests are waited for.
stop_proxy() {
  local until_at=$(($(now_ms) + most_patience_ms))
  docker stop -t 30 "$proxy" >/dev/null &
  sleep 0.05
  while (($(in_flight "${subnet%.*}..*") > 0 && $(now_ms) < until_at)); do sleep 0.02; done
  docker kill "$proxy" >/dev/null 2>&1 || true
  wait "$!" || true
}

# A restarted engine comes back within seconds. What is still to be undone then, the next command for an app there finds
# by the note `renewal`.
go_back() {
  until_true "$(remaining 60)" engine_answers
  docker rm --force "$proxy-next" >/dev/null 2>&1
  settle_renewal
  docker start "$proxy" >/dev/null && until_true "$(remaining 10)" proxy_answers
}

settle() { settle_renewal || fail switch_failed "Docker does not tell what became of $proxy-next"; }

next_answers() {
  local proxy=$proxy-next
  proxy_answers
}

create_next() {
  local proxy=$proxy-next
  docker rm --force "$proxy" >/dev/null 2>&1 || true
  create_proxy
}

# Read now: the way back removes it.
fail_next() {
  keep_tail "$(timeout 20 docker logs --tail 20 "$proxy-next" 2>&1 | last_lines || true)"
  fail switch_failed "$proxy does not answer with the new image: $(telling_line)"
}

accepts_config() {
  docker run --rm --network none --mount "type=bind,src=$proxy_dir,dst=/landfall,readonly" --cap-drop ALL --read-only \
    --entrypoint haproxy "$proxy_image" -c -q -f /landfall/proxy.cfg -f /landfall/apps
}

renew_proxy() {
  local runs closed_at gap
  # A deployment settles it too: the second of two would remove what the first has renamed.
  lock_host || fail busy 'a deployment holds the proxies'
  settle
  unlock_host
  runs=$(docker inspect --format '{{.Config.Image}}' "$proxy" 2>/dev/null) || {
    is_gone "$proxy" || fail docker_unavailable 'Docker does not answer any more'
    return 0
  }
  if [[ $runs == "$proxy_image" ]] && find_proxy; then return 0; fi
  try switch_failed "the image does not take the configuration of $proxy" accepts_config
  if ! lock_apps; then
    told+="; left as it is: $proxy, to which another stage deploys"
    return 0
  fi
  lock_host || fail busy 'a deployment holds the proxies'
  read -r subnet < <(docker network inspect --format '{{(index .IPAM.Config 0).Subnet}}' "$own_network")
  create_next
  find_proxy || true
  changed=true undo=go_back
  printf '%s\n' "$proxy_image" | write_file "$proxy_dir/renewal"
  closed_at=$(now_ms)
  stop_proxy
  docker start "$proxy-next" >/dev/null
  until_true "$(remaining 10)" next_answers || fail_next
  gap=$(($(now_ms) - closed_at))
  undo=''
  settle
  find_proxy
  ln -sfn "$proxy_log" "$proxy_dir/log"
  unlock_host
  renewed=$((renewed + 1))
  ((gap <= longest_gap)) || longest_gap=$gap
}

main() {
  local file
  open_output "$host"
  read_parameter Owner '^[0-9]{12}/[a-z0-9-]+/[A-Za-z0-9-]+$'
  read_parameter NotAfter '^[0-9]{1,12}$'
  read_parameter Fence '^[1-9][0-9]{0,14}$'
  read_parameter ProxyImage '^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$'
  proxy_image=$proxyimage
  began=$(now) timeout=240
  deadline=$((began + timeout))
  take_turn
  begin inspect
  engine_answers || fail docker_unavailable 'Docker does not answer'
  end succeeded
  if compgen -G "$host/proxies/*/apps/*.cfg" >/dev/null; then
    begin pull
    docker image inspect "$proxy_image" >/dev/null 2>&1 || pull_image "$proxy_image"
    end succeeded
    begin switch
    for file in "$host"/proxies/*; do
      use_proxy "${file##*/}"
      renew_proxy
    done
    end succeeded
  fi
  extra=",\"gapMs\":$longest_gap,\"renewed\":$renewed"
  if ((renewed == 0)); then finish succeeded already_live 'no proxy here needs another image'
  else finish succeeded deployed "$renewed renewed, the port closed for $longest_gap ms at most"; fi
}

main
