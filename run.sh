#!/bin/sh
# `sh run.sh FILE [arguments]`: how each npm script starts. FILE runs in this process, on the Node that
# package.json pins; on another one nothing runs, and one line says what is missing.
set -eu

# npm 10 links no `node` into node_modules/.bin: docs/decisions/0027-pinned-node.md. One that does not run (its
# C library is another one) is passed over.
for bin in "$PWD"/node_modules/node-linux-*/bin; do
  if "$bin/node" --version > /dev/null 2>&1; then PATH="$bin:$PATH"; fi
done

current=$(node --version)
case $current in
v24.*) exec node "$@" ;;
esac
echo "Node.js 24 is missing (this is $current): npm ci brings it on Linux, x64 and arm64; elsewhere install it." >&2
exit 2
