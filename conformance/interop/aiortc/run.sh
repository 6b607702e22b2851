#!/bin/bash
# `pollrtc connect` against aiortc, an independent implementation in Python, first as DTLS server, then as client. Installs
# it into a virtual environment beside this file if it is missing, builds pollrtc, and passes on the arguments:
#   run.sh [--messages N] [--size BYTES] ...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh"
[ -n "${POLLRTC:-}" ] || cargo build --quiet --release --manifest-path "$here/../../../Cargo.toml" -p pollrtc-cli >&2
pollrtc=${POLLRTC:-${CARGO_TARGET_DIR:-$here/../../../target}/release/pollrtc}

log=$(mktemp)
"$here/venv/bin/python" "$here/peer.py" >"$log" 2>&1 &
peer=$!
trap 'kill $peer 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 200); do
  url=$(sed -n 's/^listening on //p' "$log")
  [ -n "$url" ] && break
  kill -0 $peer 2>/dev/null || { cat "$log" >&2; exit 2; }
  sleep 0.1
done
for roles in active:server passive:client; do
  report=$("$pollrtc" connect "$url?setup=${roles%:*}" --bind 127.0.0.1 "$@") || { status=$?; echo "$report"; cat "$log" >&2; exit $status; }
  echo "$report"
  grep -q "\"role\": \"${roles#*:}\"" <<<"$report" || { echo "pollrtc was not the DTLS ${roles#*:}" >&2; exit 1; }
done
