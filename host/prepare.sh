# Answers with the certificate that envelopes for this instance are sealed for, and with what is missing.

serving() { printf 'null'; }
keep_result() { :; }
reason_of() { printf docker_unavailable; }

# The key belongs to this instance: on a machine cloned from an image it is made anew.
ensure_key() {
  exec 9>"$host/lock"
  flock 9
  if [[ $(read_file "$host/instance") == "$here" && -s $host/key.pem && -s $host/cert.pem ]]; then return; fi
  rm -f "$host/instance"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$scratch/key.pem"
  openssl req -new -x509 -key "$scratch/key.pem" -subj "/O=Landfall/CN=$here" -days 7300 -sha256 -out "$scratch/cert.pem"
  write_file "$host/key.pem" <"$scratch/key.pem"
  write_file "$host/cert.pem" <"$scratch/cert.pem"
  printf '%s\n' "$here" | write_file "$host/instance"
}

find_missing() {
  local tool package
  missing=()
  while read -r tool package; do
    command -v "$tool" >/dev/null || missing+=("$(json_string "$tool (apt-get install $package, or dnf install $package)")")
  done <<'EOF'
docker docker.io
curl curl
openssl openssl
flock util-linux
grep grep
nsenter util-linux
timeout coreutils
EOF
  ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || missing+=("$(json_string "bash 4.4 or newer (here: $BASH_VERSION)")")
}

# A machine that starts again must start Docker, or nothing serves. Not asked without a running systemd, nor
# where DOCKER_HOST names another engine than the machine's own.
starts_at_boot() {
  [[ ! ${DOCKER_HOST:-} ]] && command -v systemctl >/dev/null || return 0
  [[ $(systemctl is-system-running 2>/dev/null) != offline ]] || return 0
  systemctl is-enabled --quiet docker 2>/dev/null || systemctl is-enabled --quiet docker.socket 2>/dev/null
}

main() {
  open_output "$host"
  begin inspect
  read_common_parameters
  in_time || refuse too_late 'the command arrived after its time'
  find_missing
  local certificate='' version='' directory='' free=0
  if command -v openssl >/dev/null; then
    ensure_key
    certificate=$(openssl x509 -in "$host/cert.pem" -outform DER | base64 --wrap 0)
  fi
  IFS='|' read -r version directory < <(timeout 20 docker info --format '{{.ServerVersion}}|{{.DockerRootDir}}') || true
  free=$(df --output=avail -B1 "${directory:-/}" 2>/dev/null | tail -n 1) || free=0
  version=${version:0:40}
  extra=",\"certificate\":\"$certificate\",\"instance\":\"$here\",\"docker\":\"$version\""
  extra+=",\"missing\":$(json_list "${missing[@]}"),\"freeBytes\":${free// /}"
  ((${#missing[@]} == 0)) || fail tool_missing "missing: ${missing[*]}"
  [[ $version ]] || fail docker_unavailable 'the Docker Engine does not answer'
  [[ $(readlink -f "$(command -v docker)") != /snap/* ]] ||
    fail docker_unavailable 'Docker is the snap, which cannot read /var/lib/landfall; install docker.io'
  starts_at_boot ||
    fail docker_unavailable 'Docker would not start when the machine does; run: systemctl enable docker'
  end succeeded
  finish succeeded deployed 'ready'
}

main
