#!/bin/sh
# install_s3rver.sh <package> <folder>: the S3 server of the tests, as its lock file says.
set -eu
mkdir -p "$2"
if ! cmp -s "$1/package-lock.json" "$2/node_modules/.installed"; then
  cp "$1/package.json" "$1/package-lock.json" "$2/"
  cd "$2"
  npm ci --no-audit --no-fund
  cp package-lock.json node_modules/.installed
fi
