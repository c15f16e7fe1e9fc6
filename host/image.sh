# Pulls the image by its digest.

pull_images() {
  begin pull
  local DOCKER_CONFIG=${DOCKER_CONFIG:-$HOME/.docker}
  if ! has_image; then log_in && pull_image "$image@$digest" && check_platform
  elif has_proxy; then
    end skipped
    return
  fi
  DOCKER_CONFIG=$HOME/.docker
  rm -rf "$scratch/docker"
  has_proxy || pull_image "$proxy_image"
  end succeeded
}

# A proxy that is there is never recreated, so its image is not needed again.
has_proxy() { ! is_web || ((proxy_pid)) || exists "$proxy" || docker image inspect "$proxy_image" >/dev/null 2>&1; }

# Keeps the credentials in a Docker configuration of its own, which is removed after the pull, or with the run.
log_in() {
  [[ $registry_username ]] || return 0
  local text where=()
  export DOCKER_CONFIG=$scratch/docker
  case $registry_host in '' | docker.io | index.docker.io | registry-1.docker.io) ;; *) where=("$registry_host") ;; esac
  text=$(timeout --foreground "$(remaining)" docker login --username "$registry_username" --password-stdin "${where[@]}" \
    2>&1 <<<"$registry_password" | last_lines) || fail_pull "$text" $?
}

pull_image() { # reference
  local text
  text=$(timeout --foreground "$(remaining)" docker pull --quiet "$1" 2>&1 </dev/null | last_lines) || fail_pull "$text" $? "$1"
}

# An image without a list of platforms is pulled whatever it is for.
check_platform() {
  local of
  of=$(docker image inspect --format '{{.Architecture}}' "$image@$digest")
  case $of/$(uname -m) in
    amd64/aarch64 | arm64/x86_64)
      compgen -G '/proc/sys/fs/binfmt_misc/qemu-*' >/dev/null ||
        fail platform_missing "the image is for linux/$of alone, the instance is $(uname -m)"
      ;;
  esac
}

# Docker gives the cause as a text only; test/unit/host/refusals.test.ts has those of each engine and registry. Words
# with a slash are names and addresses, which may contain any of the others; a digest would take the cause's place.
fail_pull() { # what docker said, its exit code [reference]
  local reason=pull_failed said word words=() plain=''
  (($2 != 124)) || fail pull_failed "cut off after $(($(now) - began)) s; the timeout is $timeout s, with the way back"
  keep_tail "$1"
  said=${tail_lines[*]#Error response from daemon: }
  [[ ${3:-} != *@* ]] || said=${said//"${3#*@}"/...}
  read -ra words <<<"${said,,}"
  for word in "${words[@]}"; do [[ $word == */* ]] || plain+=" $word"; done
  case $plain in
    *'no space left'*) reason=disk_full ;;
    *'no match'*) reason=platform_missing ;;
    *'connect: permission denied'* | *'executable file'* | *snapshot*) ;;
    *unauthorized* | *denied* | *forbidden* | *'http 40'[13]* | *'no basic auth'* | *'authentication required'* | *'login attempt'*'status: 4'*) reason=registry_unauthorized ;;
    *'manifest unknown'* | *'name unknown'* | *'not found'*) reason=image_gone ;;
  esac
  ((${#said} <= 280)) || said="${said:0:90} ... ${said: -180}"
  fail "$reason" "${said:-docker ended with code $2}"
}
