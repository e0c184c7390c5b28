// Sound files: music, and what a clip has to hear.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/audio_decode.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& file = *new rn::MemoryFile("sound");
  av_log_set_level(AV_LOG_QUIET);
  file.Hold(data, size);
  constexpr rn::AudioRange kRange{.begin = 100, .end = rn::kSampleRate};
  const auto audio = rn::DecodeAudioRange(file.path(), kRange);
  CHECK(audio.ok() || !audio.status().message().empty());
  if (!audio.ok()) return 0;
  CHECK(audio->frames() <= kRange.end - kRange.begin);
  for (const float sample : audio->samples) {
    CHECK(std::isfinite(sample) && std::abs(sample) <= rn::kSampleMax);
  }
  return 0;
}
