#!/bin/bash
# run.sh test|matrix chromium|firefox [options of test.js or matrix.js]
# Installs what is missing, builds pollrtc, runs the script.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
script=$1 browser=$2
shift 2
"$here/setup.sh" "$browser"

run=(node "$here/$script.js" "$browser" "$@")
# Firefox gathers no candidates without a default route. Where there is none, a network of its own has one.
if [ "$browser" = firefox ] && [ -z "$(ip route show default)" ]; then
  exec unshare --net bash -c '
    ip link set lo up
    ip link add near type veth peer name far
    ip address add 192.0.2.1/24 dev near
    ip link set near up
    ip link set far up
    ip route add default dev near
    exec "$@"' - "${run[@]}"
fi
exec "${run[@]}"
