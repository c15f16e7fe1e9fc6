# Keeps containers from the instance's metadata service, which hands out the instance's role.

# Why no rule can be made here; empty if one can.
firewall='' rules=''

lock_rules() {
  exec 6>"$host/metadata.lock"
  flock --wait 30 6 || true
}

# Docker leaves this chain to the machine's administrator, asks it before its own, and never clears it.
read_rules() {
  firewall=''
  if ! command -v iptables >/dev/null; then firewall='iptables is not installed'
  elif ! rules=$(iptables --wait 10 --list-rules DOCKER-USER 2>&1); then firewall="iptables lists no chain DOCKER-USER: ${rules%%$'\n'*}"; fi
  [[ ! $firewall ]]
}

# A rejected request fails at once, a dropped one would wait.
blocking() { printf '%s\n' "-s $1/32 -d 169.254.169.254/32 -j REJECT"; }

change_rule() { # -I or -D, address
  local rule
  read -ra rule < <(blocking "$2")
  iptables --wait 10 "$1" DOCKER-USER "${rule[@]}" 2>&1
}

# A further network is another way to the service, so there the rule is in the container's own namespace, until it restarts.
block_inside() { # container
  local pid program address
  pid=$(docker inspect --format '{{.State.Pid}}' "$1" 2>/dev/null) && ((pid > 0)) || return 0
  while read -r program address; do
    set -- nsenter --net="/proc/$pid/ns/net" "$program" --wait 10
    "$@" -C OUTPUT -d "$address" -j REJECT || "$@" -I OUTPUT -d "$address" -j REJECT || true
  done 2>/dev/null <<'END'
iptables 169.254.169.254
ip6tables fd00:ec2::254
END
}

# Makes every app's rules that are missing, as after a restart of the machine. It removes the rules of addresses that
# are open now, until that was done; the others of the chain are other people's.
keep_from_metadata() {
  local file address container is_there has_chain=no text
  lock_rules
  ! read_rules || has_chain=yes
  for file in "$root"/*/blocked.*; do
    if ! read -r address container <"$file"; then continue; fi 2>/dev/null
    is_there=no
    [[ $rules != *"$(blocking "$address")"* ]] || is_there=yes
    if [[ $container == open ]]; then
      [[ $has_chain == yes ]] || continue
      [[ $is_there == no ]] || change_rule -D "$address" || continue
      rm -f "$file"
      continue
    fi
    [[ $has_chain == no || $is_there == yes ]] || text=$(change_rule -I "$address") || firewall="iptables refuses the rule: ${text%%$'\n'*}"
    [[ $container == - ]] || block_inside "$container"
  done
  exec 6>&-
}
