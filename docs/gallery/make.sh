#!/bin/sh
# Paints the pictures of docs/gallery.md anew: docs/gallery/make.sh, with rendernodectl on the PATH.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
paint() {
  name=$1
  shift
  rendernodectl template preview "$name.json" --templates ../../templates --out "$work/$name" "$@"
  cp "$work/$name/contact-sheet.png" "$name.png"
}
paint motion --at 0.1 --at 0.3 --at 0.6 --at 1.9
paint looks --at 0.5 --at 1.5 --at 2.5 --at 3.5
paint transitions --columns 6 --at 0.3 --at 1.3 --at 2.3 --at 3.3 --at 4.3 --at 5.3 --at 0.5 --at 1.5 --at 2.5 --at 3.5 --at 4.5 --at 5.5
