// Scripts in SSML.
#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "pipeline/ssml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto marked = rn::ReadSsml({reinterpret_cast<const char*>(data), size});
  if (!marked.ok()) {
    CHECK(!marked.status().message().empty());
    return 0;
  }
  std::size_t byte = 0;
  for (const rn::MarkedScript::Run& run : marked->runs) {
    CHECK(run.byte_begin >= byte && run.byte_begin <= marked->text.size());
    CHECK(run.style.rate > 0 && run.style.pitch > 0 && run.style.volume >= 0);
    byte = run.byte_begin;
  }
  byte = 0;
  for (const rn::MarkedScript::Pause& pause : marked->pauses) {
    CHECK(pause.byte >= byte && pause.byte <= marked->text.size());
    CHECK(pause.length > absl::ZeroDuration() && pause.length <= rn::kBreakMax);
    byte = pause.byte;
  }
  return 0;
}
