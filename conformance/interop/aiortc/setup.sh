#!/bin/bash
# Installs aiortc into a virtual environment beside this file if it is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -x "$here/venv/bin/python" ] || ! "$here/venv/bin/python" -c 'import aiortc, aiohttp' 2>/dev/null; then
  if ! python3 -c 'import ensurepip' 2>/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=600 update -qq >&2
    apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends python3-venv >&2
  fi
  python3 -m venv "$here/venv" >&2
  "$here/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
fi
