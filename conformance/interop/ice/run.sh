#!/bin/bash
# ICE with is (str0m's) and rice-proto: in process, in virtual time, over links of several round trips that
# jitter and lose, both roles. Passes on the arguments:
#   run.sh [--seeds N] [--only CONTROLLING:CONTROLLED] [--control]
#   run.sh --quick
# exit: 0 if all passed
set -euo pipefail
cd "$(dirname "$0")"
cargo run --quiet --release -- "$@"
