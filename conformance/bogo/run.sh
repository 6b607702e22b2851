#!/bin/sh
# Runs tests of the BoringSSL runner against our DTLS crate and prints counts by scope.
#
# usage: run.sh [core | optional | all | GLOB;GLOB...]     default: core
#        `*` in a glob stands for anything
# environment: BOGO       directory of setup.sh (default ~/.cache/bogo; built there if need be)
#              WORKERS    tests at a time (default 2)
#              IDLE       how long the runner waits for us (default 5s)
#              OUT        where the results go, as JSON
# exit: 0 if no test failed and, of core, each passed or is disabled
set -eu

here=$(cd "$(dirname "$0")" && pwd)
BOGO=${BOGO:-$HOME/.cache/bogo}
OUT=${OUT:-$(mktemp)}
log=$(mktemp)

[ -x "$BOGO/bogo.test" ] || "$here/setup.sh" "$BOGO"
cargo build --quiet --manifest-path "$here/Cargo.toml"
target=${CARGO_TARGET_DIR:-$here/../../target}

whole=
case ${1:-core} in
    core) whole=core tests=$(python3 "$here/report.py" --names core) ;;
    optional) tests=$(python3 "$here/report.py" --names optional) ;;
    all) tests='*DTLS*;SendSplitAlert-*;StrayChangeCipherSpec' ;;
    *) tests=$1 ;;
esac

# A copy, which a build that goes on beside us does not change.
shim=$(mktemp -d)/bogo_shim
cp "$target/debug/bogo_shim" "$shim"
cd "$BOGO/mod/ssl/test/runner"
"$BOGO/bogo.test" -test.timeout 3h -test "$tests" -shim-path "$shim" -shim-config "$here/config.json" \
    -num-workers "${WORKERS:-2}" -idle-timeout "${IDLE:-5s}" -allow-unimplemented -pipe \
    -json-output "$OUT" >"$log" 2>&1 || true
[ -s "$OUT" ] || { tail -n 40 "$log"; exit 2; }
# shellcheck disable=SC2086
python3 "$here/report.py" "$OUT" $whole
