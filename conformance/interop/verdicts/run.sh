#!/bin/bash
# run.sh lines PEER...: what each peer makes of every line of crates/jsep/tests/negotiation/malformed.tsv, and writes it there.
# run.sh files FOLDER PEER...: of every offer in a folder, as CSV on standard output.
# PEER is chromium, firefox or aiortc. Installs what it needs (as root, on Debian).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mode=$1; shift
input=$here/../../../crates/jsep/tests/negotiation/malformed.tsv
[ "$mode" = lines ] || { input=$(realpath "$1"); shift; }

for peer in "$@"; do
  case $peer in
    aiortc)
      [ -d "$here/../aiortc/venv" ] || { python3 -m venv "$here/../aiortc/venv"; "$here/../aiortc/venv/bin/pip" install -q aiortc >&2; } ;;
    *) POLLRTC=none "$here/../browser/setup.sh" "$peer" ;;
  esac
done
NODE_PATH=$here/../browser/node_modules exec node "$here/verdicts.js" "$mode" "$input" "$@"
