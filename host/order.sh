# What was ordered: the parameters and the settings, each held against its form.

declare -A slot_address=()
hosts=() predeploy=() command=() volumes=() networks=() log_options=()
env_names=() multi_names=() multi_values=()
registry_host='' registry_username='' registry_password=''
owner='' mode='' settings='' envelope='' state='' slot=none slots='' gateway='' before=0 before_slot=none fresh=fresh answer_code=000
deadline=0 ends_at=0 locked=no
why_reason='' why=''

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
  ((generation == 0)) || [[ $image && $digest && $strategy ]] || refuse order_invalid 'image, digest or strategy is missing'
  [[ $strategy == worker || ( $port && $publish_port && $proxy_image ) ]] || refuse order_invalid 'port, publishPort or proxyImage is missing'
}

# Every value is held against its form before it is used anywhere.
read_settings() { # file
  local entry name value form format=''
  hosts=() predeploy=() command=() volumes=() networks=()
  kind=deploy image='' digest='' commit='' strategy='' port='' publish_address='' publish_port='' replaces=''
  memory='' stop_timeout=30 hold=30 health_path=/ health_host='' health_from=200 health_to=399
  health_interval=1 health_times=2 health_timeout=120 health_timeout_each=5 keep=5 proxy_image=''
  subnet=172.30.77.0/24 timeout=900 environment='' grace=10 numbered='' imageMegabytes=0
  while IFS= read -r -d '' entry; do
    name=${entry%%=*} value=${entry#*=}
    case $name in
      format) form='^1$' ;;
      kind) form='^(deploy|redeploy|rollback)$' ;;
      image) form='^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}$' ;;
      digest) form='^(sha256:[0-9a-f]{64})?$' ;;
      commit) form='^([0-9a-f]{40})?$' ;;
      strategy) form='^(blue-green|recreate|worker)$' ;;
      port | publishPort) form='^([1-9][0-9]{0,4})?$' ;;
      publishAddress) form='^([0-9]{1,3}(\.[0-9]{1,3}){3})?$' ;;
      host | healthHost) form='^[A-Za-z0-9._:-]{0,253}$' ;;
      replaces) form='^([A-Za-z0-9][A-Za-z0-9_.-]*)?$' ;;
      network) form='^[A-Za-z0-9][A-Za-z0-9_.-]*$' ;;
      memory) form='^([0-9]+[bkmg]?)?$' ;;
      stopTimeout | hold | healthTimeout | timeout | keep | healthTimes | grace) form='^[0-9]{1,5}$' ;;
      imageMegabytes) form='^[0-9]{1,7}$' ;;
      numbered) form='^[0-9]{0,15}$' ;;
      healthFrom | healthTo) form='^[1-5][0-9]{2}$' ;;
      healthInterval) form='^[0-9]{1,4}(\.[0-9]{1,3})?$' ;;
      healthPath) form='^/[!-~]*$' ;;
      proxyImage) form='^([a-z0-9][A-Za-z0-9._:/@-]*)?$' ;;
      subnet) form='^[0-9]{1,3}(\.[0-9]{1,3}){2}\.0/24$' ;;
      volume) form='^([A-Za-z0-9][A-Za-z0-9_.-]+|/[^:[:cntrl:]]*):/[^:[:cntrl:]]+(:(ro|rw|z|Z)(,(ro|rw|z|Z))*)?$' ;;
      environment) form='^[^[:cntrl:]]*$' ;;
      predeploy | command) form='' ;;
      *) why="unknown setting $name"; return 1 ;;
    esac
    [[ $value =~ $form ]] || { why="setting $name is malformed"; return 1; }
    case $name in
      host) hosts+=("${value,,}") ;;
      predeploy) predeploy+=("$value") ;;
      command) command+=("$value") ;;
      volume) volumes+=("$value") ;;
      network) networks+=("$value") ;;
      publishAddress) publish_address=$value ;;
      publishPort) publish_port=$value ;;
      stopTimeout) stop_timeout=$value ;;
      healthPath) health_path=$value ;;
      healthHost) health_host=$value ;;
      healthFrom) health_from=$value ;;
      healthTo) health_to=$value ;;
      healthInterval) health_interval=$value ;;
      healthTimes) health_times=$value ;;
      healthTimeout) health_timeout=$value ;;
      proxyImage) proxy_image=$value ;;
      *) printf -v "$name" '%s' "$value" ;;
    esac
  done <"$1"
  [[ $format && ! $entry ]] || { why='the settings are not whole'; return 1; }
  proxy_dir=''
  [[ $strategy == worker ]] || use_proxy "${publish_address:+$publish_address-}$publish_port"
}

is_web() { [[ $strategy != worker ]]; }
