#!/bin/sh
# npm_ci.sh <package> <folder>: the packages that the lock file in <package> names, in <folder>/node_modules.
set -eu
mkdir -p "$2"
if ! cmp -s "$1/package-lock.json" "$2/node_modules/.installed"; then
  cp "$1/package.json" "$1/package-lock.json" "$2/"
  cd "$2"
  npm ci --no-audit --no-fund
  cp package-lock.json node_modules/.installed
fi
