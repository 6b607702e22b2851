#!/usr/bin/env bash
# SRTP with libsrtp: the same packets through both, in both directions, with all profiles. Installs what it needs, on
# Debian. Prints a line of JSON for each case; exits with 0 only if all passed.
#   run.sh [--quick] [--seed N]
set -euo pipefail
cd "$(dirname "$0")"

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
[ -e /usr/include/srtp2/srtp.h ] || missing+=(libsrtp2-dev)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
cargo run --quiet -- "$@"
