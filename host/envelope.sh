# Opens the envelope and writes the environment that it holds.

env_names=() multi_names=() multi_values=()
registry_host='' registry_username='' registry_password=''
# Names that steer bash, the loader or docker; `src/secrets/environment.ts` refuses the same ones.
steering_names='^(_|GLIBC_TUNABLES|GCONV_PATH|OPENSSL_(CONF|ENGINES|MODULES)|MALLOC_.*|LOCPATH|NLSPATH|LOCALDOMAIN|RES_OPTIONS|HOSTALIASES|S?RANDOM|SECONDS|EPOCH(SECONDS|REALTIME)|LINENO|FUNCNAME|GROUPS|DIRSTACK|HISTCMD|OPTIND|PATH|HOME|IFS|ENV|SHELL|PWD|OLDPWD|CDPATH|TMPDIR|GLOBIGNORE|SHELLOPTS|PROMPT_COMMAND|PS[0-4]|POSIXLY_CORRECT|POSIX_PEDANTIC|UID|EUID|PPID|LANG|LC_.*|LD_.*|BASH.*|DOCKER_.*|BUILDKIT_.*|COMPOSE_.*|GO[A-Z]+|SSL_CERT_.*|XDG_.*|SSM_.*|(HTTPS?|ALL|NO)_PROXY)$'

open_envelope() {
  [[ $envelope != - ]] || return 0
  [[ $(read_file "$host/instance") == "$here" && -s $host/key.pem && -s $host/cert.pem ]] ||
    refuse key_changed 'this instance has no key of its own yet'
  local entry='' head digest_here serial
  # Without -recip OpenSSL sometimes "decrypts" with a foreign key.
  base64 --decode <<<"$envelope" |
    openssl cms -decrypt -binary -inform DER -recip "$host/cert.pem" -inkey "$host/key.pem" -out "$scratch/envelope" 2>/dev/null || {
    # It names its readers by serial number; what OpenSSL says of a foreign key differs between 1.1.1 and 3.
    serial=$(openssl x509 -in "$host/cert.pem" -noout -serial)
    [[ $(base64 --decode <<<"$envelope" | od -An -v -tx1 | tr -d ' \n' | tr a-f A-F) == *"${serial#*=}"* ]] || refuse key_changed 'the envelope is sealed for another key'
    refuse envelope_invalid 'the envelope cannot be opened'
  }
  exec 6<"$scratch/envelope"
  IFS= read -r head <&6 || true
  # The encryption alone lets most changes of a bit pass.
  digest_here=$({ printf '%s\n' "${head% *}" && tail -n +2 "$scratch/envelope"; } | sha256sum)
  rm -f "$scratch/envelope"
  [[ ${head##* } == "${digest_here%% *}" ]] || refuse envelope_invalid 'the envelope was changed on its way'
  local format of_app of_generation of_instances more
  read -r format of_app of_generation of_instances more <<<"${head% *}"
  [[ $format == landfall/1 && $of_app == "$app" && $of_generation == "$generation" && ,$of_instances, == *",$here,"* && ! $more ]] ||
    refuse envelope_invalid 'the envelope is for another app, generation or instance'
  : >"$scratch/env"
  while IFS= read -r -d '' entry <&6; do
    case $entry in
      'env '*) add_variable "${entry#env }" ;;
      'secret '*) add_variable "${entry#secret }" && masks+=("${entry#*=}") ;;
      'mask '*) masks+=("${entry#mask }") ;;
      'registry '*) registry_host=${entry#registry } ;;
      'username '*) registry_username=${entry#username } ;;
      'password '*) registry_password=${entry#password } ;;
      *) refuse envelope_invalid 'the envelope holds an entry of unknown kind' ;;
    esac
  done
  exec 6<&-
  [[ ! $entry ]] || refuse envelope_invalid 'the envelope is not whole'
  sort_masks
}

# Docker's env file takes no line breaks, no very long lines and only UTF-8. Any other value is passed by
# --env NAME, from the environment of the docker process.
add_variable() { # NAME=value
  local name=${1%%=*} value=${1#*=}
  [[ $1 == *=* && $name =~ ^[A-Za-z_][A-Za-z0-9_.-]*$ ]] || refuse envelope_invalid "the variable ${name:0:40} has no valid name"
  env_names+=("$name")
  if [[ $value != *[$'\n\r']* && ${#value} -lt 60000 && $value == "$(utf8 "$value")" ]]; then
    printf '%s=%s\n' "$name" "$value" >>"$scratch/env"
    return
  fi
  [[ ! ${name^^} =~ $steering_names ]] ||
    refuse envelope_invalid "the value of $name has line breaks, which a variable of this name must not have"
  [[ $name != *[!A-Za-z0-9_]* ]] ||
    refuse envelope_invalid "the value of $name has line breaks; its name may only hold letters, digits and _"
  multi_names+=("$name")
  multi_values+=("$1")
}

sort_masks() {
  local i j value
  for ((i = 1; i < ${#masks[@]}; i++)); do
    value=${masks[i]}
    for ((j = i; j > 0 && ${#masks[j - 1]} < ${#value}; j--)); do masks[j]=${masks[j - 1]}; done
    masks[j]=$value
  done
}

add_default() { # NAME value
  local name
  for name in "${env_names[@]}"; do [[ $name != "$1" ]] || return 0; done
  [[ ! $2 ]] || printf '%s=%s\n' "$1" "$2" >>"$scratch/env"
}

configure() {
  begin configure
  add_default LANDFALL_APP "$app"
  add_default LANDFALL_COMMIT "$commit"
  add_default LANDFALL_GENERATION "$generation"
  # src/report/sentry-release.ts uses the same name.
  add_default SENTRY_RELEASE "$app@${commit:-${digest:7:12}}"
  add_default SENTRY_ENVIRONMENT "$environment"
  mkdir -p "$state/releases/$generation"
  write_file "$state/releases/$generation/env" <"$scratch/env"
  write_file "$state/releases/$generation/settings" <"$scratch/settings"
  rm -f "$scratch/env"
  end succeeded
}
