# Checks whether the new container is healthy, and says why it is not.

health_timeout_each=5
answer_line='' answer_code=000 answer_exit=0 answer_to='' answer_fault='' why_reason=''
# An app may answer without end, also in its head, and curl before 8.4 limits neither a chunked body nor the head. Only the
# first 64 KiB of what it prints are read.
asking=(curl -q --proto "=http" --globoff --path-as-is --noproxy '*' --silent)
most_of_answer=65536

check_new() {
  begin check
  if await_health "$(container_of "$generation")" "$slot"; then
    end succeeded
    return
  fi
  local name text
  name=$(container_of "$generation")
  text=$(timeout 20 docker logs --tail 200 "$name" 2>&1 | last_lines) ||
    text="its output cannot be read: the log driver is $(docker inspect --format '{{.HostConfig.LogConfig.Type}}' "$name" 2>/dev/null || true)"
  keep_tail "$text"
  fail_for_memory "$name" "$why"
  [[ $why_reason != exited ]] || why+=": $(telling_line)"
  fail "$why_reason" "$why"
}

# A killed process need not be the first one of the container, and the kernel also kills for want of the machine's memory.
# For Docker's filter also a name that only begins so is the container's.
fail_for_memory() { # container message
  timeout 20 docker events --since "$began" --until "$(($(now) + 1))" --filter "container=$1" --filter event=oom --format '{{.Actor.Attributes.name}}' 2>/dev/null | grep -xF "$1" >/dev/null || return 0
  fail out_of_memory "$2; a process in it was killed for want of memory (its limit: ${memory:-none})"
}

# Asks the container at its own address from inside its network namespace, so no firewall of the host interferes.
await_health() { # container slot
  local status pid='' restarts code name in_a_row=0 limit until_at pause at
  limit=$(remaining "$(is_web && printf '%s' "$health_timeout" || printf '%s' "$grace")")
  until_at=$(($(now) + limit))
  name=${health_host:-${hosts[0]:-localhost}}
  while :; do
    # Docker is asked again once the first process has ended.
    [[ $pid && -e /proc/$pid ]] ||
      read -r status pid restarts code < <(docker inspect --format '{{.State.Status}} {{.State.Pid}} {{.RestartCount}} {{.State.ExitCode}}' "$1")
    if [[ $status != running || $restarts != 0 ]]; then
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
    at=$(now)
    # Most apps listen soon. To one that does not, the asking leaves the processor.
    ((answer_exit != 7 || at > until_at - limit + 2)) || pause=0.05
    if ((at >= until_at)); then
      is_web || return 0
      why_reason=unhealthy
      why_unhealthy "$limit" "$pid" "${slot_address[$2]}"
      return 1
    fi
    timeout "$(remaining)" sleep "$pause" || true
  done
}

# A release from before `healthScheme` is judged as it was then: by the status alone.
ask_health() { # pid address host
  local text line body rest='' says=()
  answer_exit=0
  [[ ! $health_scheme ]] || says=(--header "X-Forwarded-Proto: $health_scheme")
  text=$(nsenter --net="/proc/$1/ns/net" "${asking[@]}" --max-time "$health_timeout_each" --include --user-agent landfall \
    --header "Host: $3" "${says[@]}" "http://$2:$port$health_path" | tr -d '\000' | head -c "$most_of_answer") || answer_exit=$?
  # Of a line that is cut, a part of a secret would not be masked.
  # `##*` would take a time that is quadratic in the length.
  ((${#text} < most_of_answer)) || rest=$text text=${text%$'\n'*} rest=${rest:${#text}+1}
  answer_code=000 answer_to='' answer_fault=''
  {
    # An interim answer (1xx) comes before the final one.
    while [[ $answer_code == [01]* ]] && IFS= read -r line && [[ $line =~ ^HTTP/[0-9.]+\ ([1-5][0-9][0-9]) ]]; do
      answer_code=${BASH_REMATCH[1]} answer_to='' answer_fault=''
      while IFS= read -r line && [[ ${line%$'\r'} ]]; do read_header "${line%$'\r'}"; done
    done
    IFS= read -r -d '' body || true
  } <<<"$text"
  answer_line=${body%%$'\n'*}
  if [[ $health_scheme && $answer_code == 3* ]] && is_same_path; then answer_fault=same_path
  elif ((10#$answer_code < health_from || 10#$answer_code > health_to)); then answer_fault=status
  elif [[ ! $health_scheme ]]; then answer_fault=''
  elif [[ ! $answer_fault && $body$rest != *"$health_contains"* ]]; then answer_fault=contains; fi
  [[ ! $answer_fault ]]
}

# `Age` means that the app was not asked for this answer (RFC 9111, section 5.1). `X-Cache` has no standard: what says
# MISS or BYPASS, and no HIT, was asked for.
read_header() { # line
  local value=${1#*:}
  value=${value#"${value%%[! ]*}"}
  case ${1,,} in
    location:*) answer_to=$value ;;
    age:*) answer_fault=cached ;;
    x-cache:*) [[ ${value^^} =~ MISS|BYPASS && ${value^^} != *HIT* ]] || answer_fault=cached ;;
  esac
}

# Such a redirect, to another scheme or host, comes from what stands before the app's pages: every one of them may be broken.
is_same_path() {
  local path=${answer_to%%[?#]*} asked=${health_path%%\?*}
  [[ $answer_to ]] || return 1
  [[ ! $path =~ ^([A-Za-z]+:)?//[^/]*(.*)$ ]] || path=${BASH_REMATCH[2]:-/}
  [[ ${path:-$asked} == "$asked" ]]
}

speaks_tls() { # pid address
  nsenter --net="/proc/$1/ns/net" "${asking[@]}" --proto "=https" --insecure --max-time "$health_timeout_each" --head --output /dev/null "https://$2:$port/"
}

# The app's answer may hold secrets: it is masked before it is cut.
why_unhealthy() { # seconds pid address
  local body
  if [[ $answer_code == [04]00 ]] && speaks_tls "$2" "$3"; then
    why="port $port speaks TLS; let it speak HTTP"
    return
  fi
  if [[ $answer_code == 000 ]]; then
    why="nothing answers on port $port within $1 s; does the app listen on 0.0.0.0:$port?"
    # The codes of curl.
    case $answer_exit in
      28) why="no answer on port $port within $health_timeout_each s" ;;
      52 | 56) why="the connection to port $port is closed without an answer" ;;
      1) why="what answers on port $port is not HTTP" ;;
    esac
    return
  fi
  body=$(masked "${answer_to:+ to $answer_to}${answer_line:+ $answer_line}")
  why="the last answer was $answer_code${body:0:120}"
  case $answer_fault in
    same_path)
      why+='; a redirect to the same path never counts: '
      if [[ $health_scheme == https ]]; then why+='does the app trust X-Forwarded-Proto (Django: SECURE_PROXY_SSL_HEADER)?'
      else why+='if TLS ends in front of the app, set health.scheme: https'; fi
      ;;
    cached) why+='; an answer with Age or X-Cache comes from a cache and does not count' ;;
    contains) why+='; it does not contain the text of health.contains' ;;
    *)
      [[ $answer_code != 400 ]] || why+='; is the host in ALLOWED_HOSTS?'
      [[ ! $answer_to ]] || why+='; redirects are not followed: is there a path that needs no login?'
      ;;
  esac
}
