#!/bin/bash
# run.sh [options of matrix.js]
# Installs and builds what is missing (as root, on Debian), then runs the matrix.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peers=chromium,firefox,pion,libdatachannel,aiortc,str0m,rtc
for at in $(seq $#); do
  [ "${!at}" != --peers ] || { next=$((at + 1)) peers=${!next}; }
done
# shellcheck disable=SC2086
"$here/setup.sh" ${peers//,/ }
exec node "$here/matrix.js" "$@"
