#!/bin/bash
# Both modes of `pollrtc serve` in Firefox, with the offer from each side; prints JSON. Options: --repeat N, --only WORD.
exec "$(dirname "$0")/../browser/run.sh" test firefox "$@"
