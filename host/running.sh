# The live release's container, and whether it runs.

live=0 live_digest=''

container_of() { printf 'landfall-%s.%s' "$app" "$1"; }
is_running() { [[ $(timeout 20 docker inspect --format '{{.State.Running}}' "$1" 2>/dev/null) == true ]]; }
exists() { docker inspect "$1" >/dev/null 2>&1; }

is_image_right() { # container digest
  local id
  id=$(docker inspect --format '{{.Image}}' "$1" 2>/dev/null) || return 1
  [[ $(docker image inspect --format '{{.RepoDigests}}' "$id" 2>/dev/null) == *"@$2"* ]]
}
