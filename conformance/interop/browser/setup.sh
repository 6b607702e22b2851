#!/bin/bash
# setup.sh chromium|firefox: installs the browser (Debian's package) and the driver if they are missing, and builds pollrtc,
# unless POLLRTC names a program that is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
package=$1
[ "$1" = firefox ] && package=firefox-esr

if ! command -v "$package" >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=600 update -q >&2
  apt-get -o DPkg::Lock::Timeout=600 install -y -q --no-install-recommends "$package" >&2
fi
[ -d "$here/node_modules/puppeteer-core" ] || npm --prefix "$here" ci --no-audit --no-fund --silent >&2
[ -n "${POLLRTC:-}" ] || cargo build --quiet --release --manifest-path "$here/../../../Cargo.toml" -p pollrtc-cli >&2
