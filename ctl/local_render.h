// One row rendered on this machine, without daemon and coordinator.
#pragma once

#include <filesystem>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "ctl/local_row.h"
#include "pipeline/render.h"
#include "proto/render.pb.h"

namespace rn {

struct LocalRenderArgs : LocalRowArgs {
  std::filesystem::path output;  // "out.mp4"; the poster and the captions go beside it.
  int encoder_threads = 1;
};

// Writes out.mp4, out.jpg, out.preview.jpg, out.srt and out.vtt as the template asks; nothing of
// them on an error.
// The result's artifacts have these paths. InvalidArgument: arguments, template or row are wrong.
absl::StatusOr<rendernode::ItemResult> RenderHere(
    const LocalRenderArgs& args,
    Clock& clock,
    absl::FunctionRef<void(const RenderProgress&)> progress);

}  // namespace rn
