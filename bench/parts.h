// What is measured, each in a process of its own: CPU time counts the whole process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/scenarios.h"

namespace rn {

// CPU seconds of encoding the scenario's finished frames from memory, with the settings of the
// item's own encoder, and nothing else: painting them beforehand does not count.
absl::StatusOr<double> EncodeFloor(const Scenario& scenario);

// CPU milliseconds of painting each frame over the one before it.
absl::StatusOr<std::vector<double>> PaintFrames(const Scenario& scenario);

// Rendered `times` times in a row by one process, as a worker does.
struct ItemCost {
  double cpu_s = 0;
  double peak_rss_mib = 0;  // of the process so far
};
absl::StatusOr<std::vector<ItemCost>> RenderItems(const Scenario& scenario,
                                                  int times,
                                                  const std::filesystem::path& output_directory);

// Fails unless the floor's packets are the item's, byte for byte: otherwise the two are not alike.
absl::Status CheckFloorIsTheItem(const Scenario& scenario);

}  // namespace rn
