#!/bin/bash
# SCTP with dcsctp, usrsctp, sctp-proto and rtc-sctp: in process, in virtual time, over links that lose, double and
# reorder. Installs what they need, on Debian, and passes on the arguments:
#   run.sh [--seeds N] [--only CLIENT:SERVER] [--control] [--dump]
#   run.sh --quick
# exit: 0 if all passed
set -euo pipefail
cd "$(dirname "$0")"

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
[ -e /usr/include/usrsctp.h ] || missing+=(libusrsctp-dev)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
cargo run --quiet --release -- "$@"
