#!/usr/bin/env bash
# Landfall on an instance. SSM runs this as root and passes parameters as SSM_<Name>; the first line of stdout is
# the result: `landfall/1 <JSON>`. docs/host.md describes the files, the states and the result.
set -euo pipefail
export LC_ALL=C HOME="${HOME:-/root}" PATH="${PATH:-/usr/bin}:/usr/sbin:/usr/bin:/sbin:/bin"
umask 077
cd /

root=${LANDFALL_ROOT:-/var/lib/landfall}
host=$root/instance
here=${AWS_SSM_INSTANCE_ID:-}

app='' notafter=0 scratch=''
step='' step_began=0 step_open=no
steps=() masks=() tail_lines=()
answered=no undo='' told='' began=0
changed=false predeploy_ran=false generation=0 fence=0 fence_seen=0
extra=''

# --- time and files

# Bash before 5 has no clock of its own with fractions.
now_ms() {
  local at=${EPOCHREALTIME:-$(date +%s.%6N)}
  at=${at/./}
  printf '%s' "${at%???}"
}
# By a program, which the local stack replaces where it imitates a wrong clock.
now() { date +%s; }

# Replaces a file atomically, also across a power cut. A killed run leaves a half-written file only in its scratch
# directory, which the next run removes.
write_file() { # path, content on stdin
  cat >"$scratch/next"
  sync "$scratch/next"
  mv -f "$scratch/next" "$1"
  sync "${1%/*}"
}

read_file() { # path [default]
  if [[ -s $1 ]]; then printf '%s' "$(<"$1")"; else printf '%s' "${2:-}"; fi
}

# --- text that leaves the host

# Masks before anything is cut, the longest value first: a cut value would no longer match.
masked() {
  local text=$1 value
  for value in "${masks[@]}"; do text=${text//"$value"/[masked]}; done
  printf '%s' "$text"
}

# Replaces bytes that are not UTF-8, which JSON cannot carry, by `?`.
utf8() {
  local rest=$1 more=$'[\x80-\xbf]' text='' valid
  valid=$'^([\x01-\x7f]|[\xc2-\xdf]'"$more"$'|[\xe0-\xef]'"$more$more"$'|[\xf0-\xf4]'"$more$more$more"')+'
  while [[ $rest ]]; do
    if [[ $rest =~ $valid ]]; then
      text+=${BASH_REMATCH[0]}
      rest=${rest:${#BASH_REMATCH[0]}}
    else
      text+='?'
      rest=${rest:1}
    fi
  done
  printf '%s' "$text"
}

json_string() {
  local text
  text=$(utf8 "$1" | tr '\n\r\t' '   ' | tr -d '\000-\037\177')
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

json_list() { # elements are JSON already
  local IFS=,
  printf '[%s]' "$*"
}

# --- steps

begin() {
  step=$1 step_began=$(now_ms) step_open=yes
}

end() { # status [reason]
  [[ $step_open == yes ]] || return 0
  local took=$(($(now_ms) - step_began))
  steps+=("{\"name\":\"$step\",\"status\":\"$1\",\"ms\":$took${2:+,\"reason\":\"$2\"}}")
  step_open=no
}

skip() { # name
  begin "$1"
  end skipped
}

# --- endings

answer() { # outcome reason message
  local text lines=() line
  text=$(masked "$3")
  for line in "${tail_lines[@]: -$((${#tail_lines[@]} < 20 ? ${#tail_lines[@]} : 20))}"; do
    lines+=("$(json_string "${line:0:300}")")
  done
  printf 'landfall/1 {"outcome":"%s","reason":"%s","message":%s,"generation":%s,"fence":%s,"fenceSeen":%s' \
    "$1" "$2" "$(json_string "${text:0:300}")" "$generation" "$fence" "$fence_seen"
  printf ',"serving":%s,"changed":%s,"predeploy":%s,"steps":%s' \
    "$(serving)" "$changed" "$predeploy_ran" "$(json_list "${steps[@]}")"
  ((${#lines[@]})) && printf ',"tail":%s' "$(json_list "${lines[@]}")"
  printf '%s}\n' "$extra"
}

# Passes on the last lines of what it reads, which may have no end and no line break. A line that is cut is left out:
# a part of a secret would not be masked.
last_lines() {
  { echo && tr -d '\000'; } | tail -c 65536 | tail -n +2
}

# Keeps the last lines of a program's output, masked, for the answer.
keep_tail() { # text
  local text
  text=$(masked "$1")
  ((${#text} <= 8000)) || text=${text: -8000}
  mapfile -t tail_lines <<<"$text"
}

# The last line that names an error, or else the last line that is not empty: not the one with which Docker ends, nor what
# it warns of. Of a long line the beginning and the end, where Docker puts the cause.
telling_line() {
  local line said='' error=''
  shopt -s nocasematch
  for line in "${tail_lines[@]}"; do
    [[ ! $line =~ ^(error: )?failed\ to\ start\ containers:|^(see|run)\ \'docker ]] || continue
    [[ ! $line =~ [^[:space:]] ]] || said=$line
    [[ ! $line =~ error|exception|fatal|panic|denied|'no such'|cannot || $line == warning:* ]] || error=$line
  done
  shopt -u nocasematch
  line=${error:-$said}
  line=${line##*unable to start container process: }
  ((${#line} <= 240)) || line="${line:0:80} ... ${line: -150}"
  printf '%s' "$line"
}

engine_answers() { timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# Sets `free`, empty if unknown, and `inodes`: many where the file system has no fixed number.
measure_disk() { # unit directory
  local of
  read -r free of inodes < <(df --output=avail,itotal,iavail -B"$1" "$2" 2>/dev/null | tail -n 1) || free=''
  ((${of/-/} + 0 > 0)) || inodes=99999
}

# Replaces `reason` where Docker or the disk failed the step. The network `bridge` is created anew when the engine
# starts. A full disk may also lose the error message, so the free space is read as well.
blame_others() {
  local born free inodes
  case $reason in start_failed | switch_failed | pull_failed | busy | envelope_invalid)
    measure_disk 1K "$host"
    if [[ ${message,,} == *'no space left on device'* ]] || ((${free:-9999} < 64 || inodes < 9)); then
      reason=disk_full message="the disk is full: $message"
      return
    fi
    ;;
  esac
  case $reason in *_failed | exited | unhealthy | digest_mismatch | secret_missing) ;; *) return 0 ;; esac
  if ! engine_answers; then message="Docker does not answer: $message"
  elif born=$(docker network inspect --format '{{.Created.Unix}}' bridge 2>/dev/null) && ((began && born >= began)); then
    message="Docker was restarted meanwhile: $message"
  else return 0; fi
  reason=docker_unavailable
}

# Ends the run as failed. It undoes what was begun before it reports, so `serving` is the state afterwards.
fail() { # reason message
  local reason=$1 message=$2
  trap - EXIT TERM INT HUP
  set +e
  blame_others
  end failed "$reason"
  if [[ $undo ]]; then "$undo"; fi
  finish failed "$reason" "$message"
  exit 1
}

# Ends the run as refused: it has changed nothing.
refuse() { # reason message
  trap - EXIT TERM INT HUP
  end failed "$1"
  finish refused "$1" "$2"
  exit 1
}

# Reports the result: the first line is read by Landfall, the lines after it by people.
finish() { # outcome reason message
  trap - EXIT TERM INT HUP
  set +e
  answered=yes
  local text code=1
  [[ $1 == succeeded ]] && code=0
  text=$(answer "$1" "$2" "$3$told")
  keep_result "$1" "$code" "$text"
  printf '%s\n' "$text" >&3
  [[ $code == 0 ]] || printf '%s\n' "${tail_lines[@]}" >&3
  rm -rf "$scratch"
}

# Reports an unchecked command that failed: the step's own reason, with the last output.
on_exit() {
  [[ $answered == yes ]] && return
  [[ ! $scratch ]] || keep_tail "$(last_lines <"$scratch/log")"
  local said
  said=$(telling_line)
  fail "$(reason_of "$step")" "step $step: ${said:-a command failed}"
}

# Runs a program. If it fails, the run fails with this reason and the telling line of its output.
try() { # reason message program...
  local reason=$1 message=$2 text
  shift 2
  if text=$("$@" 2>&1 </dev/null | last_lines); then return; fi
  keep_tail "$text"
  fail "$reason" "$message: $(telling_line)"
}

# --- start

# The result goes to fd 3; all other output goes to a file that is read only when something fails.
open_output() {
  local base=${1:-$host} other
  mkdir -p "$base/scratch"
  # Held until this run has locked its own directory: without that lock another run would remove it.
  exec 4<"$base/scratch"
  flock 4
  scratch=$base/scratch/$$
  rm -rf "$scratch"
  mkdir "$scratch"
  exec 5>"$scratch/alive"
  flock 5
  exec 3>&1 >"$scratch/log" 2>&1
  for other in "$base"/scratch/*; do
    # A running script holds this lock.
    [[ $other == "$scratch" ]] || flock --nonblock "$other/alive" rm -rf "$other" || true
  done
  exec 4<&-
  # Bash writes a here-document there when it is longer than a pipe holds.
  TMPDIR=$scratch
  trap on_exit EXIT
  trap 'fail cancelled "stopped by a signal"' TERM INT HUP
}

# An agent that is too old does not put the parameters into the environment.
read_parameter() { # name pattern
  local name=SSM_$1
  [[ -v $name ]] || refuse agent_too_old "the parameter $1 is not in the environment; SSM agent 3.3.2746.0 or newer is needed"
  [[ ${!name} =~ $2 ]] || refuse order_invalid "the parameter $1 is malformed"
  printf -v "${1,,}" '%s' "${!name}"
  unset "$name"
}

read_common_parameters() {
  read_parameter App '^[a-z][a-z0-9-]{0,38}[a-z0-9]$'
  read_parameter Owner '^[0-9]{12}/[a-z0-9-]+/[A-Za-z0-9-]+$'
  read_parameter NotAfter '^[0-9]{1,12}$'
  [[ $here =~ ^m?i-[0-9a-f]{8,17}$ ]] || refuse order_invalid 'AWS_SSM_INSTANCE_ID is not set'
  [[ $app != instance ]] || refuse order_invalid 'an app cannot be called instance'
}

in_time() { (($(now) <= notafter)); }
