# The live release's container, and whether it runs.

live=0 live_digest=''

# Sets `directory` to where the images are. The machine's containerd does not keep them below Docker's own directory.
find_images() { # Docker's storage driver [containerd's directory]
  local store=${2:-/var/lib/containerd}
  [[ $1 != overlayfs || ! -d $store ]] || directory=$store
}

container_of() { printf 'landfall-%s.%s' "$app" "$1"; }
is_running() { [[ $(timeout 20 docker inspect --format '{{.State.Running}}' "$1" 2>/dev/null) == true ]]; }
# An image may have the same name.
exists() { docker inspect --type container "$1" >/dev/null 2>&1; }

# True if Docker says that there is no such container. While the engine is restarted, `exists` is false too.
is_gone() {
  local left
  left=$(docker ps --all --quiet --filter "name=^${1//./\\.}\$") && [[ ! $left ]]
}

# A container that was created by digest has that image, also when the image lost its name since. For one that was not,
# the digests of its image's names tell, or the image's id, which in containerd's store is the digest.
is_image_right() { # container digest
  local id asked
  read -r id asked < <(docker inspect --format '{{.Image}} {{.Config.Image}}' "$1" 2>/dev/null) || return 1
  [[ $id == "$2" || $asked == *"@$2" ]] ||
    [[ " $(docker image inspect --format '{{join .RepoDigests " "}}' "$id" 2>/dev/null) " == *"@$2 "* ]]
}
