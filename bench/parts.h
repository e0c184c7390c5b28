// What is measured, each in a process of its own: CPU time counts the whole process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/scenarios.h"

namespace rn {

struct RunCost {
  double cpu_s = 0, wall_s = 0;
  double peak_rss_mib = 0;  // of the process so far; the floor's is the frames'
  std::int64_t video_bytes = 0;
};

// Encoding the scenario's finished frames from memory, with the settings of the item's own encoder,
// and nothing else: painting them beforehand does not count. peak_rss_mib stays 0.
absl::StatusOr<RunCost> EncodeFloor(const Scenario& scenario);

// CPU milliseconds of painting each frame over the one before it.
absl::StatusOr<std::vector<double>> PaintFrames(const Scenario& scenario);

// The first `times` rows, one after the other by this process, as a worker does; the first bears
// the process's own beginning. Unless `shares`, each makes all of its own. video_bytes stays 0.
absl::StatusOr<std::vector<RunCost>> RenderItems(const Scenario& scenario,
                                                 int times,
                                                 bool shares,
                                                 const std::filesystem::path& output_directory);

// What a viewer gets of the scenario, from the item and from the floor's encoder.
struct Quality {
  double item_ssim = 0, plain_ssim = 0;          // as MeanSsim() has it
  std::int64_t item_bytes = 0, plain_bytes = 0;  // of video
};
absl::StatusOr<Quality> CompareQuality(const Scenario& scenario,
                                       const std::filesystem::path& output_directory);

// Fails unless the floor's packets are the item's, byte for byte: otherwise the two are not alike.
// For widths of whole 64 pixels: at others (854, 480) x264 itself encodes fades differently from
// run to run.
absl::Status CheckFloorIsTheItem(const Scenario& scenario);

}  // namespace rn
