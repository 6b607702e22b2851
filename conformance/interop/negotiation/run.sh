#!/bin/bash
# run.sh [chromium] [firefox] [aiortc] [libdatachannel] [options of rig.js]
# Installs what is missing, builds the negotiator's program, and plays all scenarios with these peers, or with all of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peers=()
while [[ ${1:-} =~ ^(chromium|firefox|aiortc|libdatachannel)$ ]]; do
  peers+=("$1")
  shift
done
[ ${#peers[@]} -gt 0 ] || peers=(chromium firefox aiortc libdatachannel)
for peer in "${peers[@]}"; do
  case $peer in
    # There is no need for pollrtc's own program here.
    chromium | firefox) POLLRTC=none "$here/../browser/setup.sh" "$peer" ;;
    *) "$here/../$peer/setup.sh" ;;
  esac
done
[ -n "${NEGOTIATOR:-}" ] || cargo build --quiet --manifest-path "$here/../../../Cargo.toml" -p pollrtc-negotiation-rig >&2
exec node "$here/rig.js" "${peers[@]}" "$@"
