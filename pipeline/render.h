// One item in, files out. START HERE: Render() in render.cc is the recipe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "hwaccel/device.h"
#include "pipeline/shared_work.h"
#include "pipeline/speech.h"
#include "proto/render.pb.h"
#include "proto/worker.pb.h"

namespace rn {

struct RenderRequest {
  const rendernode::JobSpec& job;
  const rendernode::ItemSpec& item;
  const std::map<std::string, std::string>& asset_paths;  // Asset.name -> absolute path
  std::filesystem::path output_directory;                 // exists and is writable
  std::map<std::string, std::string> speech_paths = {};   // Utterance.key -> absolute path
};

struct RenderProgress {
  rendernode::Phase phase = rendernode::PHASE_UNSPECIFIED;
  std::int64_t frames_done = 0;
  std::int64_t frames_total = 0;  // 0 until known
  absl::Duration media_done;      // how long those done play
};

// What a process keeps warm from item to item. One thread.
struct RenderContext {
  const DeviceList& devices;
  SpeechEngines& speech;
  Clock& clock;
  int encoder_threads = 1;
  SharedWork* shared = nullptr;  // null: every item is made from scratch
};

// Writes video.mp4, poster.jpg, and the preview.jpg and sidecars that the template asks for; each
// complete or absent. The result is SUCCEEDED with local paths, sizes and digests, and the usage of
// this process over this item. Errors carry the item error code. `progress` is called on this
// thread at each change of phase and about every half second of video.
absl::StatusOr<rendernode::ItemResult> Render(
    const RenderRequest& request,
    const RenderContext& context,
    absl::FunctionRef<void(const RenderProgress&)> progress);

// What engines that are not in `engines` are to say of the item before it is rendered. Errors are
// Render's.
absl::StatusOr<rendernode::Utterances> UtterancesFor(const RenderRequest& request,
                                                     const SpeechEngines& engines);

}  // namespace rn
