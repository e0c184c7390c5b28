// Subtitle files: SubRip and WebVTT.
#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "pipeline/subtitles.h"

namespace rn {
namespace {

void CheckCue(const SubtitleCue& cue) {
  CHECK(cue.begin < cue.end);
  CHECK(!cue.words.empty());
  std::size_t byte = 0;
  for (const SpokenWord& word : cue.words) {
    CHECK(word.byte_begin >= byte && word.byte_end >= word.byte_begin);
    CHECK(word.begin >= cue.begin && word.begin <= word.end && word.end <= cue.end);
    byte = word.byte_end;
  }
  std::size_t line = 0;
  for (const std::size_t first : cue.line_begins) {
    CHECK(first > line && first < cue.words.size());
    line = first;
  }
}

}  // namespace
}  // namespace rn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto subtitles = rn::ParseSubtitles({reinterpret_cast<const char*>(data), size});
  if (!subtitles.ok()) {
    CHECK(!subtitles.status().message().empty());
    return 0;
  }
  absl::Duration end;
  for (const rn::SubtitleCue& cue : subtitles->cues) {
    CHECK(cue.begin >= end);
    rn::CheckCue(cue);
    end = cue.end;
  }
  return 0;
}
