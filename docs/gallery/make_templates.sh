#!/bin/sh
# Paints the pictures of docs/template-gallery.md anew: docs/gallery/make_templates.sh [id …], with
# rendernodectl on the PATH and ffmpeg installed. A sheet has a strip for each style, one for each
# other shape, and one of the colour schemes.
set -eu
cd "$(dirname "$0")"
images=../../templates/samples/images
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# strip <file> <id> <values…> -- <options…>: some frames side by side, 1280 pixels wide.
strip() {
  file=$1 id=$2
  shift 2
  rendernodectl template preview "$id" --templates ../../templates --resolution 480p \
    --out "$work/strip" "$@" >/dev/null
  ffmpeg -v error -y -i "$work/strip/contact-sheet.png" -vf scale=1280:-2 "$work/$file.png"
  rm -rf "$work/strip"
}

# stack <file> <inputs…>: below each other.
stack() {
  out=$1
  shift
  inputs='' count=0
  for part; do
    inputs="$inputs -i $work/$part.png"
    count=$((count + 1))
  done
  # shellcheck disable=SC2086
  ffmpeg -v error -y $inputs -filter_complex "vstack=inputs=$count" -q:v 5 "$out"
}

# sheet <id> <seconds of four frames> <variables…>
sheet() {
  id=$1 times=$2
  shift 2
  at=''
  for time in $times; do at="$at --at $time"; done
  parts=''
  for style in modern educational casual premium authentic; do
    # shellcheck disable=SC2086
    strip "$style" "$id" "$@" $at --columns 4 --override "style=$style"
    parts="$parts $style"
  done
  for aspect in 9:16 1:1; do
    # shellcheck disable=SC2086
    strip "shape-${aspect%:*}" "$id" "$@" $at --columns 4 --aspect "$aspect"
  done
  ffmpeg -v error -y -i "$work/shape-9.png" -i "$work/shape-1.png" \
    -filter_complex "[0]scale=-2:420[a];[1]scale=-2:420[b];[a][b]hstack,scale=1280:-2" "$work/shapes.png"
  middle=$(echo "$times" | cut -d' ' -f3)
  schemes=''
  for scheme in premium_gold ocean sunset forest ruby; do
    rendernodectl template preview "$id" --templates ../../templates --resolution 480p \
      --out "$work/scheme" "$@" --at "$middle" --format png --override "color_scheme=$scheme" >/dev/null
    mv "$work"/scheme/frame-*.png "$work/$scheme.png"
    rm -rf "$work/scheme"
    schemes="$schemes -i $work/$scheme.png"
  done
  # shellcheck disable=SC2086
  ffmpeg -v error -y $schemes -filter_complex "hstack=inputs=5,scale=1280:-2" "$work/schemes.png"
  # shellcheck disable=SC2086
  stack "templates/$id.jpg" $parts shapes schemes
}

script="Rich, room-filling sound from a speaker no larger than a vase. Set it down, say hello, and enjoy every note."
mkdir -p templates
[ $# -gt 0 ] || set -- tpl_promotional tpl_tutorial tpl_testimonial tpl_standard tpl_concept tpl_adaptive tpl_example
for id; do
  case "$id" in
    tpl_promotional)
      sheet "$id" "1.3 3.2 6 10.9" --set title="Meet Halo, the speaker that fills the room" --set script="$script" \
        --set image_url="$images/speaker.jpg" --set badge=New --set brand="Halo Audio" --set cta="Order yours today" \
        --set website=halo-audio.example ;;
    tpl_tutorial)
      sheet "$id" "2 5 9 12.2" --set title="Brew green tea without bitterness" --set lesson="Lesson 3" \
        --set script="Let the kettle rest for three minutes. Pour gently, wait for ninety seconds, and serve every drop at once." \
        --set image_url="$images/tea.jpg" --set brand="Tea School" --set step_1="Heat" --set step_2="Pour and wait" \
        --set step_3="Serve at once" --set takeaway="Eighty degrees, ninety seconds." --set cta="Now it is your turn" ;;
    tpl_testimonial)
      sheet "$id" "1.4 4 7.5 10.8" --set title="My skin has not been this calm in years" \
        --set script="I had tried everything. Two drops at night, and after a week my colleagues asked me what had changed." \
        --set image_url="$images/serum.jpg" --set author="Maya Lindqvist" --set role="Architect, Gothenburg" --set rating=5 \
        --set brand="Lumière" --set cta="Start your 30 nights" --set website=lumiere.example ;;
    tpl_standard)
      sheet "$id" "1.7 4.2 7 10.9" --set title="Our new headquarters opens in May" \
        --set script="Twelve floors, one roof garden, and room for eight hundred colleagues. We are moving in together on the second of May." \
        --set image_url="$images/city.jpg" --set brand="Northwind Group" --set badge="Press release" --set cta="Read the full story" \
        --set website=northwind.example ;;
    tpl_concept)
      sheet "$id" "1.6 4.5 7 9.9" --set title="Cities that sleep at night" \
        --set script="What if light went where people go, and nowhere else? We would see the stars from every balcony." \
        --set image_url="$images/mountains.jpg" --set kicker="Idea 07" --set brand="Studio Nord" --set cta="What if?" \
        --set website=studio-nord.example ;;
    tpl_adaptive)
      sheet "$id" "1.4 4 6 9.2" --set title="A cabin by the lake, from Friday" \
        --set script="Pack light and breathe deep. Sunrise is right outside your window, and the kettle is already on." \
        --set image_url="$images/mountains.jpg" --set kind=Announcement --set badge="-20 %" --set brand="Wild & Co." \
        --set cta="Pick your cabin" --set website=wild-and-co.example ;;
    tpl_example)
      sheet "$id" "1.2 3.5 5.5 8.2" --set title="Good morning, template author" \
        --set script="Change one line of this template, look at it again, and you will know most of what there is to know." \
        --set image_url="$images/tea.jpg" --set badge="Example" --set brand="rendernode" --set cta="Thank you for watching" ;;
    *) echo "make_templates.sh: unknown template \"$id\"" >&2; exit 2 ;;
  esac
done
