#!/usr/bin/env bash
# What a team's own script does with one of the rivals: pull, run, wait until healthy, switch, stop the old container.
# Each switches by its own means.
# deploy.sh RIVAL IMAGE NEW OLD SETTINGS, where OLD is - for the first: then the proxy does not run yet, but for
# kamal-proxy, which is told the app.
set -euo pipefail
rival=$1 image=$2 new=$3 old=$4 settings=$5
proxy=rival-$rival

docker pull --quiet "$image" >/dev/null
docker run --detach --init --name "$new" --network rivals "$image" >/dev/null

await_health() {
  local address
  address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$new")
  for _ in {1..600}; do
    ! curl -q --noproxy '*' --silent --fail --max-time 5 --output /dev/null "http://$address:8000/healthz" || return 0
    sleep 0.1
  done
  exit 1
}

# Renamed into place: Traefik reads a file as soon as it changes.
fill() { # template file
  sed "s/APP/$new/" "$settings/$1" >"$settings/filled"
  mv "$settings/filled" "$settings/$2"
}

case $rival in
  nginx)
    await_health
    printf 'server %s:8000;\n' "$new" >"$settings/server.conf"
    [[ $old == - ]] || docker exec "$proxy" nginx -c /settings/nginx.conf -s reload 2>/dev/null
    ;;
  caddy)
    await_health
    fill Caddyfile Caddyfile.now
    [[ $old == - ]] || docker exec "$proxy" caddy reload --adapter caddyfile --config /settings/Caddyfile.now 2>/dev/null
    ;;
  traefik)
    await_health
    fill traefik-app.yml dynamic/app.yml
    # It takes up a change at once or after providersThrottleDuration, and tells nobody.
    sleep 2
    ;;
  kamal-proxy)
    # It checks by itself, as Kamal has it do: each second, by the path given.
    docker exec "$proxy" kamal-proxy deploy app --target "$new:8000" --health-check-path /healthz
    ;;
esac
[[ $old != - ]] || exit 0
# The proxy's old workers or settings may still serve what came just before.
sleep 1
docker stop --time 30 "$old" >/dev/null
docker rm "$old" >/dev/null
