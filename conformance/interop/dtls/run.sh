#!/bin/bash
# DTLS with BoringSSL (in process, in virtual time) and with GnuTLS (over loopback). Installs what they need, on
# Debian, and passes on the arguments to `cargo test`:
#   run.sh [--test boringssl|gnutls] [NAME]
# exit: 0 if all passed
set -euo pipefail
cd "$(dirname "$0")"

missing=()
command -v cmake >/dev/null || missing+=(cmake)
command -v c++ >/dev/null || missing+=(build-essential)
command -v gnutls-serv >/dev/null || missing+=(gnutls-bin)
# bindgen reads BoringSSL's headers with it.
ls /usr/lib/llvm-*/lib/libclang*.so* >/dev/null 2>&1 && command -v clang >/dev/null || missing+=(clang libclang-dev)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
cargo test --quiet --release "$@"
