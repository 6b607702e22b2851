#!/bin/bash
# setup.sh PEER...: installs what these peers need, builds their agents and pollrtc's.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../../target}
crates=(-p agent-pollrtc)

install() { # command, packages
  command -v "$1" >/dev/null && return
  shift
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=600 update -qq
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "$@"
}

{
  install ip iproute2
  install python3 python3 # the lossy link
  install node nodejs npm
  install cc build-essential
  for peer in "$@"; do
    began=$SECONDS
    case $peer in
      # It builds the program too, unless it is told of one; an agent is all we need.
      chromium | firefox) POLLRTC=none "$here/../browser/setup.sh" "$peer" ;;
      pion) mkdir -p "$target/interop" && "$here/pion/setup.sh" "$(cd "$target/interop" && pwd)/pion" ;;
      libdatachannel | aiortc) "$here/../$peer/setup.sh" ;;
      str0m | rtc) crates+=(-p "agent-$peer") ;;
      *) echo "there is no peer $peer"; exit 2 ;;
    esac
    echo "$peer is there after $((SECONDS - began)) s"
  done
  began=$SECONDS
  cargo build --quiet --manifest-path "$here/Cargo.toml" --target-dir "$target" "${crates[@]}"
  echo "agents in Rust are built after $((SECONDS - began)) s"
} >&2
