#!/usr/bin/env bash
# Builds libsrtp with OpenSSL, since Debian's package has NSS, which is several times slower on packets. Prints the
# directory for LIBSRTP_DIR.
#   libsrtp.sh [SOURCE]    SOURCE is a directory with libsrtp's source; without it, Debian's is fetched
set -euo pipefail
cd "$(dirname "$0")"

build=$PWD/../target/libsrtp
if [ ! -f "$build/libsrtp2.a" ]; then
  mkdir -p "$build/source"
  for tool in cc make; do
    command -v "$tool" >/dev/null || { apt-get update -qq && apt-get install -y -qq build-essential; } >&2
  done
  [ -e /usr/include/openssl/evp.h ] || { apt-get update -qq && apt-get install -y -qq libssl-dev; } >&2
  base=$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources)
  file=libsrtp2_2.5.0.orig.tar.gz
  if [ $# -gt 0 ]; then
    cp -r "$1/." "$build/source"
  else
    curl -fsSL "$base/pool/main/libs/libsrtp2/$file" -o "$build/$file"
    tar -xf "$build/$file" -C "$build/source" --strip-components=1
  fi
  (cd "$build/source" && ./configure --enable-openssl --disable-stdout CFLAGS="-O3 -fPIC" && make libsrtp2.a) >&2
  cp "$build/source/libsrtp2.a" "$build/"
fi
echo "$build"
