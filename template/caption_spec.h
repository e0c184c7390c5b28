// What captions look like, whatever they say.
#pragma once

#include "template/rgba.h"
#include "template/text_style.h"
#include "template/unicode.h"

namespace rn {

// kHighlight: the spoken word in another colour. kKaraoke: all words up to the spoken one, and that
// one filled as it is spoken. kPop: the spoken word, which grows for a moment. kTypewriter: words
// appear letter by letter as they are spoken.
enum class CaptionEffect { kNone, kHighlight, kKaraoke, kPop, kTypewriter };

struct CaptionSpec {
  TextStyle style;
  CaptionEffect effect = CaptionEffect::kNone;
  Rgba active{255, 255, 255, 255};                  // fill of the spoken word
  LetterCase letter_case = LetterCase::kAsWritten;  // on screen; sidecars have it as written
  int max_lines = 2;
  double box_w = 0, box_h = 0;  // pixels
  bool operator==(const CaptionSpec&) const = default;
};

}  // namespace rn
