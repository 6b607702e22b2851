#!/bin/bash
# Go and Pion from Debian's packages; builds the agent into the directory that is given. Without modules (GOPATH mode), Go
# resolves `.../v3` only for code that lies in a GOPATH itself and has a go.mod.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
if [ ! -d /usr/share/gocode/src/github.com/pion/webrtc ] || ! command -v go >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=600 update -qq
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends golang-go golang-github-pion-webrtc.v3-dev
fi
version=$(dpkg-query --show --showformat '${source:Upstream-Version}' golang-github-pion-webrtc.v3-dev)
source=$out/gopath/src/agent
mkdir -p "$source"
cp "$here"/*.go "$source/"
printf 'module agent\n\ngo 1.18\n' >"$source/go.mod"
cd "$source"
GO111MODULE=off GOPATH="$out/gopath:/usr/share/gocode" GOCACHE="$out/cache" GOFLAGS= \
  go build -ldflags "-X main.version=$version" -o "$out/agent" .
