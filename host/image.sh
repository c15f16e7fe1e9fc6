# Pulls the image by its digest.

pull_images() {
  begin pull
  if has_image && has_proxy; then
    end skipped
    return
  fi
  local DOCKER_CONFIG=${DOCKER_CONFIG:-$HOME/.docker}
  has_image || { log_in && pull_image "$image@$digest"; }
  DOCKER_CONFIG=$HOME/.docker
  rm -rf "$scratch/docker"
  has_proxy || pull_image "$proxy_image"
  end succeeded
}

# A proxy that is there is never recreated, so its image is not needed again.
has_proxy() { ! is_web || exists "$proxy" || docker image inspect "$proxy_image" >/dev/null 2>&1; }

# Keeps the credentials in a Docker configuration of its own, which is removed after the pull, or with the run.
log_in() {
  [[ $registry_username ]] || return 0
  local text where=()
  export DOCKER_CONFIG=$scratch/docker
  case $registry_host in '' | docker.io | index.docker.io | registry-1.docker.io) ;; *) where=("$registry_host") ;; esac
  text=$(timeout --foreground "$(remaining)" docker login --username "$registry_username" --password-stdin "${where[@]}" \
    2>&1 <<<"$registry_password" | last_lines) || fail_pull "$text"
}

pull_image() { # reference
  local text
  text=$(timeout --foreground "$(remaining)" docker pull --quiet "$1" 2>&1 </dev/null | last_lines) || fail_pull "$text"
}

fail_pull() { # what docker said
  local reason=pull_failed
  case ${1,,} in
    *'no space left'*) reason=disk_full ;;
    *unauthorized* | *'access denied'* | *'authentication required'* | *denied:* | *'no basic auth'*) reason=registry_unauthorized ;;
    *'manifest unknown'* | *'not found'*) reason=image_gone ;;
  esac
  keep_tail "$1"
  fail "$reason" "$(telling_line)"
}
