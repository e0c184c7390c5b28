// Captions in frames: which page is on screen, which of its words is spoken, how far into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/captions.h"
#include "pipeline/scene.h"

namespace rn {

class CaptionTrack {
 public:
  CaptionTrack() = default;
  CaptionTrack(const CaptionSpec& spec, const std::vector<CaptionPage>& pages, FrameRate rate);

  // Sets the draw's page, active word and word phase on frame `n`; false: no page is on screen.
  // Draws differ only where the effect shows it: without one, a page is one still picture.
  bool TurnTo(std::int64_t n, Draw* draw) const;

 private:
  struct Word {
    std::int64_t begin = 0, end = 0;  // frames
    std::size_t graphemes = 0;
  };
  struct Page {
    FrameRange frames;
    std::vector<Word> words;  // none where the effect does not ask for them
  };

  CaptionEffect effect_ = CaptionEffect::kNone;
  std::vector<Page> pages_;
};

}  // namespace rn
