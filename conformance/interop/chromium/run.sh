#!/bin/bash
# Both modes of `pollrtc serve` in Chromium, with the offer from each side; prints JSON. Options: --repeat N, --only WORD.
exec "$(dirname "$0")/../browser/run.sh" test chromium "$@"
