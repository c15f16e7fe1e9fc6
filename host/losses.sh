# Compares a container that was run by hand with the one that takes its place.

# `json` keeps a value of several lines on its line.
image_facts='{{with .Config}}user {{.User}}
{{range .Env}}env {{json .}}
{{end}}{{end}}'

# Prints the facts of a container that its image does not give it, and the databases among its own files.
facts_of() { # container
  local facts line same
  facts=$(timeout 20 docker inspect --format "{{.Image}}
{{with .HostConfig}}{{if .AutoRemove}}rm
{{end}}{{if .Privileged}}capability ALL
{{end}}memory {{.Memory}}
shm {{.ShmSize}}
{{range .CapAdd}}capability {{.}}
{{end}}{{range .ExtraHosts}}host {{.}}
{{end}}{{range \$port, \$all := .PortBindings}}{{range \$all}}port {{.HostIp}}|{{.HostPort}}|{{\$port}}
{{end}}{{end}}{{end}}{{range .Mounts}}{{if ne .Type \"tmpfs\"}}volume {{if eq .Type \"volume\"}}{{.Name}}{{else}}{{.Source}}{{end}}:{{.Destination}}
{{end}}{{end}}{{range \$name, \$_ := .NetworkSettings.Networks}}network {{\$name}}
{{end}}$image_facts" "$1" | head -c 1048576) || return 1
  same=$(timeout 20 docker image inspect --format "$image_facts" "${facts%%$'\n'*}") || return 1
  while IFS= read -r line; do
    [[ $'\n'$same$'\n' == *$'\n'"$line"$'\n'* ]] || printf '%s\n' "$line"
  done < <(printf '%s\n' "${facts#*$'\n'}")
  facts=$(timeout 10 docker diff "$1" | head -c 1048576) || printf 'file unknown\n'
  printf '%s\n' "$facts" | sed -En 's/^[AC] (.*\.(db|sqlite3?))$/file \1/p'
}

# Prints what the container that `replaces` names has and the new one does not get: never a value of its environment.
list_losses() {
  local facts kind what given entry ip from port
  [[ $live -eq 0 && $replaces ]] && ! is_gone "$replaces" || return 0
  facts=$(facts_of "$replaces") || return 1
  while read -r kind what; do
    given=()
    case $kind in
      volume)
        for entry in "${volumes[@]}"; do
          IFS=: read -r from entry _ < <(printf '%s\n' "$entry")
          given+=("${from%/}:${entry%/}")
        done
        ;;
      port)
        IFS='|' read -r ip from port < <(printf '%s\n' "$what")
        [[ $from ]] || continue
        [[ $ip == *[1-9a-f]* ]] || ip=''
        what=$from/${port#*/}
        [[ $what != "$publish_port/tcp" || ($publish_address == *[1-9]* && $publish_address != "$ip") ]] || continue
        what=${ip:+$ip:}$what
        ;;
      network) given=(bridge none "$own_network" "${networks[@]}") ;;
      host) what=${what/=/:} given=("${extra_hosts[@]}") ;;
      memory) given=(0 "${memory:+$what}") ;;
      shm) given=(67108864 "${shm_size:+$what}") ;;
      user) given=('' "${user:+$what}") ;;
      capability) what=${what#CAP_} given=("${capabilities[@]}") ;;
      env)
        # Without an envelope the names are known only if the order tells them; a kept container has its own.
        [[ ${envelope#-} || ${env_names[*]} ]] || continue
        what=${what%%=*} what=${what#\"} given=(PATH "${env_names[@]}")
        ;;
    esac
    for entry in "${given[@]/#/$kind }" "${without[@]}"; do
      [[ $entry != "$kind" && $entry != "$kind $what" ]] || continue 2
    done
    printf '%s\n' "$kind${what:+ $what}"
  done < <(printf '%s\n' "$facts")
}

# Ends the run before anything is stopped that could not come back as it was.
expect_no_loss() {
  local lost
  lost=$(list_losses) || fail docker_unavailable "Docker does not tell what $replaces has"
  [[ $lost ]] || return 0
  keep_tail "$lost"
  [[ $'\n'$lost$'\n' != *$'\nrm\n'* ]] || fail takeover_loses "$replaces was run with --rm: stopping it removes it; see docs/take-over.md"
  fail takeover_loses "give the new container what $replaces has, or name it in  replaces: { without }: ${lost//$'\n'/, }"
}
