# Answers with the instance's certificate, for which envelopes are sealed, the missing programs, and the release that
# serves here.

# Also null when the live release was stopped, replaced or cut off from its proxy by hand.
serving() {
  local container
  read -r live _ live_digest < <(read_file "$root/$app/live" '0 none -' && echo)
  container=$(container_of "$live")
  if ((live > 0)) && is_running "$container" && is_image_right "$container" "$live_digest" && do_proxies_run; then
    printf '{"generation":%s,"digest":"%s"}' "$live" "$live_digest"
  else
    printf 'null'
  fi
}

do_proxies_run() {
  local file
  for file in "$host"/proxies/*/apps/"$app.cfg"; do
    file=${file%/apps/*}
    [[ ! -d $file ]] || is_running "landfall-proxy-${file##*/}" || return 1
  done
}

keep_result() { :; }
reason_of() { printf docker_unavailable; }

# The key belongs to one instance: a machine cloned from an image makes its own.
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

main() {
  open_output "$host"
  begin inspect
  read_common_parameters
  in_time || refuse too_late 'the command arrived after its time'
  find_missing
  local certificate='' obstacle
  if command -v openssl >/dev/null; then
    ensure_key
    certificate=$(openssl x509 -in "$host/cert.pem" -outform DER | base64 --wrap 0)
  fi
  ask_engine
  extra=",\"certificate\":\"$certificate\",\"instance\":\"$here\",\"docker\":\"$version\""
  extra+=",\"missing\":$(json_list "${missing[@]}"),\"freeBytes\":$free"
  ((${#missing[@]} == 0)) || fail tool_missing "missing: ${missing[*]}"
  obstacle=$(engine_obstacle)
  [[ ! $obstacle ]] || fail docker_unavailable "$obstacle"
  keep_from_metadata
  end succeeded
  finish succeeded deployed 'ready'
}

main
