#!/usr/bin/env bash
# What a team's own script does: pull, run, wait until healthy, ask once. The wait is the one of
# host/deploy.sh, so that only what Landfall adds differs. Prints the milliseconds of each part.
# bare.sh IMAGE NAME PORT HEALTH_PATH INTERVAL TIMES
set -euo pipefail
image=$1 name=$2 port=$3 health_path=$4 interval=$5 times=$6

now() { date +%s%3N; }
ask() { curl -q --noproxy '*' --silent --max-time 5 --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$port$1" || true; }

began=$(now)
docker pull --quiet "$image" >/dev/null
pulled=$(now)
docker run --detach --init --name "$name" --publish "127.0.0.1:$port:8000" "$image" >/dev/null
started=$(now)
in_a_row=0
until ((in_a_row == times)); do
  pause=$interval code=$(ask "$health_path")
  if [[ $code == 2?? ]]; then
    in_a_row=$((in_a_row + 1))
    ((in_a_row < times)) || break
  else
    in_a_row=0
    [[ $code != 000 ]] || pause=0.2
  fi
  sleep "$pause"
done
healthy=$(now)
[[ $(ask /) == 200 ]]
answered=$(now)
printf '%s\n' "$((pulled - began)) $((started - pulled)) $((healthy - started)) $((answered - began))"
