#!/bin/sh
# Writes the music beds anew: templates/music/make_all.sh, with python3-numpy and ffmpeg installed.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for bed in upbeat_corporate corporate_upbeat launch_anthem; do
  /usr/bin/python3 -B "make_$bed.py" "$work/$bed.wav"
  ffmpeg -v error -y -i "$work/$bed.wav" -c:a aac -b:a 192k -movflags +faststart \
    -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$bed.m4a"
done
