#!/bin/bash
# run.sh lines PEER...: what each peer makes of every line of crates/jsep/tests/negotiation/malformed.tsv, and writes it there.
# run.sh files FOLDER PEER...: of every offer in a folder, as CSV on standard output.
# run.sh answers PEER...: what each peer that has offered makes of every answer of crates/jsep/tests/negotiation/answers.tsv, and
# writes it there.
# PEER is chromium, firefox or aiortc, for answers also pion or libdatachannel. Installs what it needs (as root, on Debian).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mode=$1; shift
tests=$here/../../../crates/jsep/tests/negotiation target=${CARGO_TARGET_DIR:-$here/../../../target}
case $mode in
  lines) input=$tests/malformed.tsv ;;
  answers) input=$tests/answers.tsv ;;
  *) input=$(realpath "$1"); shift ;;
esac

for peer in "$@"; do
  case $peer in
    aiortc | libdatachannel) "$here/../$peer/setup.sh" >&2 ;;
    pion) mkdir -p "$target/interop" && "$here/../peers/pion/setup.sh" "$(cd "$target/interop" && pwd)/pion" >&2 ;;
    *) POLLRTC=none "$here/../browser/setup.sh" "$peer" ;;
  esac
done
[ "$mode" != answers ] || cargo build --quiet --manifest-path "$here/../../../Cargo.toml" -p pollrtc-negotiation-rig >&2
NODE_PATH=$here/../browser/node_modules exec node "$here/verdicts.js" "$mode" "$input" "$@"
