# Checks what the scripts need of an instance.

missing=() version='' directory='' free=0

# The second name of a package is dnf's, where it differs from apt's.
find_missing() {
  local tool package other
  missing=()
  while read -r tool package other; do
    command -v "$tool" >/dev/null ||
      missing+=("$(json_string "$tool (apt-get install $package, or dnf install ${other:-$package})")")
  done <<'END'
docker docker.io docker
curl curl
openssl openssl
flock util-linux
grep grep
nsenter util-linux
timeout coreutils
END
}

# Docker must start with the machine. Not checked without a running systemd, or when DOCKER_HOST names another engine
# than the machine's own.
starts_at_boot() {
  [[ ! ${DOCKER_HOST:-} ]] && command -v systemctl >/dev/null || return 0
  [[ $(systemctl is-system-running 2>/dev/null) != offline ]] || return 0
  systemctl is-enabled --quiet docker 2>/dev/null || systemctl is-enabled --quiet docker.socket 2>/dev/null
}

ask_engine() {
  version='' directory='' free=0
  local driver=''
  IFS='|' read -r version driver directory < <(timeout 20 docker info --format '{{.ServerVersion}}|{{.Driver}}|{{.DockerRootDir}}') || true
  find_images "$driver"
  free=$(df --output=avail -B1 "${directory:-/}" 2>/dev/null | tail -n 1) || free=0
  version=${version:0:40} free=${free// /}
}

# Prints why the engine cannot be used, or nothing.
engine_obstacle() {
  if [[ $(docker --version 2>/dev/null) == podman* ]]; then
    printf 'the program docker is Podman here, which does not do all that Landfall asks of Docker; install the Docker Engine'
  elif [[ ! $version ]]; then
    printf 'the Docker Engine does not answer; run: systemctl enable --now docker'
  elif [[ $(readlink -f "$(command -v docker)") == /snap/* ]]; then
    printf 'Docker is the snap, which cannot read /var/lib/landfall; install docker.io'
  elif ! starts_at_boot; then
    printf 'Docker would not start when the machine does; run: systemctl enable docker'
  fi
}
