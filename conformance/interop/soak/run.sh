#!/bin/bash
# `pollrtc serve` with browsers that come, vanish and flood, and what else may knock at its ports. Prints JSON; fails if anything stays
# behind or grows. Options: --minutes N (1 by default, 60 before a release), --bind IP.
exec "$(dirname "$0")/../browser/run.sh" soak chromium "$@"
