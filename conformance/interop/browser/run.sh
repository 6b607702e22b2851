#!/bin/bash
# run.sh chromium|firefox [options of test.js]
# Installs the browser (Debian's package) and the driver if they are missing, builds pollrtc, runs the test.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
browser=$1
shift
package=$browser
[ "$browser" = firefox ] && package=firefox-esr

if ! command -v "$package" >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=600 update -q >&2
  apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends "$package" >&2
fi
[ -d "$here/node_modules/puppeteer-core" ] || npm --prefix "$here" ci --no-audit --no-fund --silent >&2
cargo build --quiet --release --manifest-path "$here/../../../Cargo.toml" -p pollrtc-cli >&2

run=(node "$here/test.js" "$browser" "$@")
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
