// Captions as texts to be set: what captions.cc breaks into pages and caption_paint.cc paints.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "pipeline/caption_words.h"
#include "pipeline/captions.h"
#include "pipeline/text.h"

namespace rn {

// The words as they are shown, in the letter case asked for. `bytes` (may be null): each word's.
std::string ShownText(const CaptionSpec& spec,
                      absl::Span<const SpokenWord> words,
                      std::vector<WordRange>* bytes);

// `text` as captions set it: at one size on all pages, in a box `width` pixels wide.
TextSpec CaptionTextSpec(const CaptionSpec& spec, std::string text, double width);

// A page with its lines as they stand on screen, to be set in the middle of the captions' box.
TextSpec PageTextSpec(const CaptionSpec& spec,
                      const CaptionPage& page,
                      std::vector<WordRange>* bytes);

absl::Status CheckCaptionSpec(const CaptionSpec& spec);

}  // namespace rn
