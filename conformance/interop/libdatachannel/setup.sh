#!/bin/bash
# Installs libdatachannel (prebuilt, for node) beside this file if it is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ -d "$here/node_modules/node-datachannel" ] || npm --prefix "$here" ci --no-audit --no-fund --silent >&2
