# Reads the order: the parameters and the settings, each checked against its form.

mode='' settings='' envelope='' why='' ordered_proxy=''

# For each setting its name, its variable and the form of its value. A variable with a `+` is a list, to which every
# setting of that name adds an element.
setting_table='
  format         format          ^1$
  kind           kind            ^(deploy|redeploy|rollback)$
  image          image           ^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}$
  digest         digest          ^(sha256:[0-9a-f]{64})?$
  commit         commit          ^([0-9a-f]{40})?$
  strategy       strategy        ^(blue-green|recreate|worker)$
  port           port            ^([1-9][0-9]{0,4})?$
  publishPort    publish_port    ^([1-9][0-9]{0,4})?$
  publishAddress publish_address ^([0-9]{1,3}(\.[0-9]{1,3}){3})?$
  host           hosts+          ^[A-Za-z0-9._:-]{0,253}$
  trusted        trusted+        ^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$
  healthHost     health_host     ^[A-Za-z0-9._:-]{0,253}$
  healthPath     health_path     ^/[!-~]*$
  healthFrom     health_from     ^[1-5][0-9]{2}$
  healthTo       health_to       ^[1-5][0-9]{2}$
  healthScheme   health_scheme   ^(https?)?$
  healthContains health_contains ^[^[:cntrl:]]*$
  healthInterval health_interval ^[0-9]{1,4}(\.[0-9]{1,3})?$
  healthTimes    health_times    ^[0-9]{1,5}$
  healthTimeout  health_timeout  ^[0-9]{1,5}$
  stopTimeout    stop_timeout    ^[0-9]{1,5}$
  hold           hold            ^[0-9]{1,5}$
  drain          drain_limit     ^([0-9]{1,5})?$
  timeout        timeout         ^[0-9]{1,5}$
  grace          grace           ^[0-9]{1,5}$
  keep           keep            ^[0-9]{1,5}$
  replaces       replaces        ^([A-Za-z0-9][A-Za-z0-9_.-]*)?$
  without        without+        ^[a-z]+( [^[:cntrl:]]+)?$
  envName        env_names+      ^[^=[:cntrl:]]+$
  user           user            ^([A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?)?$
  extraHost      extra_hosts+    ^[A-Za-z0-9_][A-Za-z0-9_.-]*:([0-9A-Fa-f.:]+|host-gateway)$
  shmSize        shm_size        ^([0-9]+[bkmg])?$
  init           init            ^(false)?$
  network        networks+       ^[A-Za-z0-9][A-Za-z0-9_.-]*$
  capAdd         capabilities+   ^[A-Z][A-Z_]*$
  newPrivileges  new_privileges  ^(true)?$
  pidsLimit      pids_limit      ^[1-9][0-9]{0,6}$
  subnet         subnet          ^[0-9]{1,3}(\.[0-9]{1,3}){2}\.0/24$
  memory         memory          ^([0-9]+[bkmg]?)?$
  imageMegabytes image_megabytes ^[0-9]{1,7}$
  numbered       numbered        ^[0-9]{0,15}$
  proxyImage     proxy_image     ^([a-z0-9][A-Za-z0-9._:/@-]*)?$
  volume         volumes+        ^([A-Za-z0-9][A-Za-z0-9_.-]+|/[^:[:cntrl:]]*):/[^:[:cntrl:]]+(:(ro|rw|z|Z)(,(ro|rw|z|Z))*)?$
  environment    environment     ^[^[:cntrl:]]*$
  metadata       metadata        ^(block|allow)?$
  predeploy      predeploy+      ^
  entrypoint     entrypoint      ^(none)?$
  command        command+        ^'

default_settings() {
  without=() user='' extra_hosts=() shm_size='' init=''
  hosts=() trusted=() networks=() volumes=() predeploy=() command=() capabilities=() new_privileges='' pids_limit=1024
  kind=deploy image='' digest='' commit='' strategy='' port='' publish_port='' publish_address='' proxy_image=''
  health_host='' health_path=/ health_from=200 health_to=299 health_interval=1 health_times=2 health_timeout=120
  health_scheme='' health_contains='' drain_limit='' stop_timeout=30 hold=30 timeout=900 grace=10 keep=5 replaces='' subnet=172.30.77.0/24 memory='' image_megabytes=0
  numbered='' environment='' metadata='' entrypoint=''
}

read_order() {
  read_common_parameters
  read_parameter Mode '^(deploy|restore)$'
  read_parameter Generation '^(0|[1-9][0-9]{0,8})$'
  read_parameter Fence '^[1-9][0-9]{0,14}$'
  read_parameter Settings '^[A-Za-z0-9+/]+=*$'
  read_parameter Envelope '^(-|[A-Za-z0-9+/]+=*)$'
  [[ $mode == restore || $generation -gt 0 ]] || refuse order_invalid 'generation 0 can only be restored'
  base64 --decode <<<"$settings" >"$scratch/settings" || refuse order_invalid 'the settings are no base64'
  read_settings "$scratch/settings" || refuse order_invalid "$why"
  ordered_proxy=$proxy_image
  ((generation == 0)) || [[ $image && $digest && $strategy ]] || refuse order_invalid 'image, digest or strategy is missing'
  [[ $strategy == worker || ( $port && $publish_port && ${proxy_image:-@sha256:} == *@sha256:* ) ]] || refuse order_invalid 'port, publishPort or the digest of proxyImage is missing'
}

# Checks every value against its form before anything uses it.
read_settings() { # file
  local entry name value variable form format=''
  local -A variables=() forms=()
  while read -r name variable form; do variables[$name]=$variable forms[$name]=$form; done <<<"${setting_table#$'\n'}"
  default_settings
  while IFS= read -r -d '' entry; do
    name=${entry%%=*} value=${entry#*=} form=''
    [[ ! $name =~ ^[A-Za-z]+$ ]] || form=${forms[$name]-}
    [[ $form ]] || { why="unknown setting $name"; return 1; }
    [[ $value =~ $form ]] || { why="setting $name is malformed"; return 1; }
    [[ $name != host ]] || value=${value,,}
    variable=${variables[$name]}
    if [[ $variable == *+ ]]; then
      local -n list=${variable%+}
      list+=("$value")
    else
      printf -v "$variable" '%s' "$value"
    fi
  done <"$1"
  # The stage's, also where a release of before is restored by its own settings.
  proxy_image=${ordered_proxy:-$proxy_image}
  [[ $format && ! $entry ]] || { why='the settings are not whole'; return 1; }
  proxy_dir=''
  [[ $strategy == worker ]] || use_proxy "${publish_address:+$publish_address-}$publish_port"
}

is_web() { [[ $strategy != worker ]]; }
