#!/bin/bash
# Installs aiortc into a virtual environment beside this file if it is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -x "$here/venv/bin/python" ] || ! "$here/venv/bin/python" -c 'import aiortc, aiohttp' 2>/dev/null; then
  python3 -m venv "$here/venv" >&2
  "$here/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" >&2
fi
