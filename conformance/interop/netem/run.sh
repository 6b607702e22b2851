#!/bin/bash
# run.sh chromium|firefox [WORD]
# The browser and pollrtc on the two ends of links that lose, reorder, repeat, delay, are narrow or fail for a while, with
# either side as the DTLS client; the camera and the microphone over loss; then ten handshakes over a link that loses a tenth. One line of JSON each. WORD picks links.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
browser=$1 word=${2:-}
"$here/../browser/setup.sh" "$browser" || exit
pollrtc=${POLLRTC:-${CARGO_TARGET_DIR:-$here/../../../target}/release/pollrtc}
serve() { echo "$pollrtc serve --http 10.77.0.2:$1 --bind 10.77.0.2 --dtls-role $2"; }
status=0

over() { # name, options of link.py, options of lossy.js
  [[ $1 == *$word* ]] || return
  printf '%s: ' "$1"
  # shellcheck disable=SC2086
  "$here/link.py" $2 --wait-port 8081 --b "bash -c '$(serve 8082 passive) & exec $(serve 8081 active)'" -- \
    node "$here/../browser/lossy.js" "$browser" $3 2>/dev/null || status=1
}

over "5 % loss, 100 ms round trip" "--loss 5 --delay 50" ""
over "a tenth overtakes" "--delay 20 --reorder 10" ""
over "a tenth comes twice" "--delay 20 --dup 10" ""
over "MTU 1280" "--delay 10 --mtu 1280" ""
over "outage of 4 s" "--delay 20 --outage 4" "--outage"
over "camera, 5 % loss, 100 ms round trip" "--loss 5 --delay 50" "--camera 10"
over "10 % loss, 100 ms round trip, handshakes" "--loss 10 --delay 50" "--connects 10"
exit $status
