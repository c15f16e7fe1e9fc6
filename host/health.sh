# Checks whether the new container is healthy, and says why it is not.

health_timeout_each=5
answer_code=000 why_reason=''

check_new() {
  begin check
  if await_health "$(container_of "$generation")" "$slot"; then
    end succeeded
    return
  fi
  keep_tail "$(docker logs --tail 200 "$(container_of "$generation")" 2>&1)"
  [[ $why_reason != exited ]] || why+=": $(telling_line)"
  fail "$why_reason" "$why"
}

# Asks the container at its own address from inside its network namespace, so no firewall of the host interferes.
await_health() { # container slot
  local status pid restarts code name in_a_row=0 first_pid='' limit until_at pause
  limit=$(remaining "$(is_web && printf '%s' "$health_timeout" || printf '%s' "$grace")")
  until_at=$(($(now) + limit))
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
      why_unhealthy "$limit"
      return 1
    fi
    timeout "$(remaining)" sleep "$pause" || true
  done
}

ask_health() { # pid address host
  : >"$scratch/body"
  answer_code=$(nsenter --net="/proc/$1/ns/net" curl -q --globoff --path-as-is --noproxy '*' --silent --max-time "$health_timeout_each" --max-filesize 1000000 \
    --output "$scratch/body" --write-out '%{http_code}' --user-agent landfall --header "Host: $3" "http://$2:$port$health_path") || true
  ((10#${answer_code:-0} >= health_from && 10#${answer_code:-0} <= health_to))
}

# The app's answer may hold secrets: it is masked before it is cut.
why_unhealthy() { # seconds
  local body=''
  if [[ $answer_code == 000 ]]; then
    why="nothing answers on port $port within $1 s; does the app listen on 0.0.0.0:$port?"
    return
  fi
  IFS= read -r body <"$scratch/body" || true
  body=$(masked "$body")
  why="the last answer was $answer_code ${body:0:120}"
  [[ $answer_code != 400 ]] || why+='; is the host in ALLOWED_HOSTS?'
}
