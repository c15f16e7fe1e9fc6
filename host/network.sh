# The instance's network, and the two fixed addresses of each app in it: its slots.

# A local stack sets a name of its own, as several share one engine.
own_network=${LANDFALL_NETWORK:-landfall}
declare -A slot_address=()
slots='' gateway=''

lock_host() {
  exec 8>"$host/proxy.lock"
  flock --wait "$(remaining)" 8
}

unlock_host() { exec 8>&-; }

# Prints which addresses the network would hide from this instance, or nothing: Docker does not look. The halves of all
# addresses are a default route too.
subnet_obstacle() {
  local prefix
  while read -r prefix _; do
    [[ $prefix == [1-9]* && $prefix != */1 ]] || continue
    printf 'the subnet %s (the setting is subnet) would hide addresses of the route %s' "$subnet" "$prefix"
    break
  done < <({ ip -4 route show to root "$subnet" && ip -4 route show to match "$subnet"; } 2>/dev/null)
}

# Needs the host lock: six concurrent `docker network create` make six networks of one name.
ensure_network() {
  local base=${subnet%.0/24} obstacle
  ! read_network || return 0
  obstacle=$(subnet_obstacle)
  [[ ! $obstacle ]] || fail start_failed "$obstacle"
  try start_failed "the network $own_network ($subnet; the setting is subnet)" docker network create \
    --subnet "$subnet" --gateway "$base.1" --ip-range "$base.128/25" "$own_network"
  read_network
}

# A network of this name that is there keeps its subnet.
read_network() {
  local found
  found=$(docker network inspect --format '{{with index .IPAM.Config 0}}{{.Subnet}} {{.Gateway}}{{end}}' "$own_network" 2>/dev/null) && read -r subnet gateway <<<"$found"
}

# Each app owns two fixed addresses, .8/.9 to .126/.127, outside the range that Docker assigns from.
allot_slots() {
  local number='' other name taken=' '
  while read -r other name; do
    [[ $name != "$app" ]] || number=$other
    taken+="$other "
  done < <(read_file "$host/slots" | cat - <(echo))
  if [[ ! $number ]]; then
    # The labels of containers count too, in case the file was lost. An image may bear the same ones: only containers of
    # Landfall's names count.
    taken+=$(docker ps --all --filter 'name=^landfall-[a-z0-9-]+\.[0-9]+$' --format '{{.Label "landfall.slots"}}' | tr '\n' ' ')
    for ((number = 4; number < 64; number++)); do [[ $taken == *" $number "* ]] || break; done
    ((number < 64)) || fail start_failed 'all 60 pairs of addresses are allotted'
    { read_file "$host/slots" && printf '\n%s %s\n' "$number" "$app"; } | write_file "$host/slots"
  fi
  slots=$number
  slot_address=([blue]=${subnet%.0/24}.$((2 * number)) [green]=${subnet%.0/24}.$((2 * number + 1)))
}

# Before a container starts in a slot, the rule for its address becomes what its settings say.
guard_slot() { # slot container
  local file=$state/blocked.$1 line
  [[ ${slot_address[$1]:-} ]] || return 0
  line="${slot_address[$1]} open"
  [[ $metadata != block ]] || line="${slot_address[$1]} -"
  ((${#networks[@]} == 0)) || line=${line/%-/$2}
  # Another run may just remove the file.
  lock_rules
  [[ $line == "$(read_file "$file")" ]] || write_file "$file" <<<"$line"
  keep_from_metadata
}
