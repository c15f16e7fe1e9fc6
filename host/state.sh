# The app's fence, lock and deadline: which command may act, and for how long.

owner='' state='' locked=no settled=no deadline=0 ends_at=0 stop_limit=86400

# Writes the fence before it waits for the lock, so that the command that holds the lock gives way.
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

# Checked again before each step that users would notice if it were undone.
give_way() {
  ! is_superseded || fail superseded_fence "a command with fence $fence_seen came in"
  in_time || fail too_late 'the time of this command is over'
}

# The setting `timeout` limits the whole run. A reserve at its end is for the way back: the time to stop the new
# container and, if the old one does not run meanwhile, to start that, but at most a third.
set_deadline() {
  local reserve=$((2 * stop_timeout + 15))
  [[ $strategy != recreate && ! $replaces ]] || reserve=$((reserve + health_timeout))
  ((reserve <= timeout / 3)) || reserve=$((timeout / 3))
  began=$(now)
  ends_at=$((began + timeout))
  deadline=$((ends_at - reserve))
}

# For a run that can no longer be undone, and for the undoing itself.
use_reserve() { deadline=$ends_at; }

remaining() { # [at most]
  local left=$((deadline - $(now)))
  ((left <= ${1:-left})) || left=$1
  printf '%s' $((left > 1 ? left : 1))
}

# `stop_limit` is less where the container had its time already, to answer its last requests.
stop_container() { docker stop -t "$(remaining $((stop_limit < stop_timeout ? stop_limit : stop_timeout)))" "$1"; }

take_lock() {
  begin lock
  local owner_here
  owner_here=$(read_file "$state/owner" "$owner")
  [[ $owner_here == "$owner" ]] || refuse owned_by_other "this app is deployed here by $owner_here"
  in_time || refuse too_late "the command arrived after its time; the clock here says $(date -u +%FT%TZ)"
  announce_fence
  exec 9>"$state/lock"
  flock --wait "$(remaining)" 9 || refuse busy 'another command holds this app'
  locked=yes
  ! is_superseded || refuse superseded_fence "a command with fence $fence_seen came in"
  in_time || refuse too_late 'the lock came free after the time of this command'
  adopt_state
  repeat_result
  refuse_reused
  end succeeded
}

# A restored journal may give a number to a release that another release has here.
refuse_reused() {
  local other=''
  read_live
  [[ $numbered && $live -eq $generation ]] || return 0
  [[ ! -s $state/releases/$live/settings ]] || other=$(sed -zn 's/^numbered=//p' "$state/releases/$live/settings" | tr -d '\000')
  [[ ! $other || $other == "$numbered" ]] || refuse superseded_fence "generation $generation is another release here"
}

# A machine cloned from an image keeps its containers and drops the recorded result of the original.
adopt_state() {
  [[ ! -s $state/format || ! -s $state/owner || $(<"$state/instance") != "$here" ]] || return 0
  if [[ $(read_file "$state/instance" "$here") != "$here" ]]; then rm -f "$state/result"; fi
  printf '%s\n' "$here" | write_file "$state/instance"
  printf '%s\n' "$owner" | write_file "$state/owner"
  printf '1\n' | write_file "$state/format"
}

# The order that a fence belongs to: a restored journal may send the same fence with another order.
this_order() { printf '%s %s %s' "$mode" "$generation" "${numbered:--}"; }

# Answers a repeated command with its recorded result.
repeat_result() {
  [[ -s $state/result ]] || return 0
  local of code which
  read -r of code which <"$state/result"
  [[ $of == "$fence" && ${which:-$(this_order)} == "$(this_order)" ]] || return 0
  trap - EXIT TERM INT HUP
  tail -n +2 "$state/result" >&3
  rm -rf "$scratch"
  exit "$code"
}

# Only the command that holds the lock records the result of a fence.
keep_result() { # outcome code text
  [[ $1 != refused && $locked == yes ]] || return 0
  # Until `live` is true again the next command has to know what a killed run left.
  [[ $settled != yes ]] || rm -f "$state/run"
  printf '%s %s %s\n%s\n' "$fence" "$2" "$(this_order)" "$3" | write_file "$state/result"
}
