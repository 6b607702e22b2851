#!/usr/bin/env bash
# Builds wolfSSL with connection ids from the source that a crate ships, and runs DTLS 1.2 and 1.3 against it in both
# roles. Prints a line of JSON for each case; exits with 0 only if all passed.
set -euo pipefail
cd "$(dirname "$0")"

for tool in cmake openssl cc python3; do
  command -v "$tool" >/dev/null || { apt-get update -qq && apt-get install -y -qq cmake openssl gcc python3 >/dev/null; }
done
build=${WOLFSSL_BUILD:-$PWD/target/wolfssl}
manifest=$(cargo metadata --quiet --format-version 1 --manifest-path source/Cargo.toml |
  python3 -c 'import json,sys; print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "wolfssl-sys"))')
source=$(dirname "$manifest")/wolfssl-src
if [ ! -f "$build/libwolfssl.a" ]; then
  mkdir -p "$build"
  cp -r "$source" "$build/source"
  cmake -S "$build/source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DWOLFSSL_TLS13=yes \
    -DWOLFSSL_DTLS=yes -DWOLFSSL_DTLS13=yes -DWOLFSSL_DTLS_CID=yes -DWOLFSSL_CURVE25519=yes \
    -DWOLFSSL_EXAMPLES=no -DWOLFSSL_CRYPT_TESTS=no >&2
  cmake --build "$build" -j "$(nproc)" >&2
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=wolfssl \
  -keyout "$build/key.pem" -out "$build/certificate.pem" 2>/dev/null
cc -O1 -Wall -I"$build" -I"$source" peer.c "$build/libwolfssl.a" -lm -lpthread -o "$build/peer"
cargo run --quiet -- "$build/peer" "$build/certificate.pem" "$build/key.pem"
