// The parts of parts.h, each measured in a fresh process: the program `bench_part` beside ours.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/parts.h"
#include "bench/scenarios.h"

namespace rn {

struct PartRequest {
  std::string part;  // "floor", "item", "paint", "quality", "check"
  std::string scenario;
  ScenarioSize size;
  int items = 1;                 // of "item"
  bool shares = true;            // of "item": what they have in common is made once
  std::filesystem::path folder;  // of the scenario's assets and of what is made
};

// In this process: what bench_part does.
absl::StatusOr<nlohmann::json> MeasureHere(const PartRequest& request);

// In a process of its own. Errors are the child's.
absl::StatusOr<RunCost> MeasureFloor(PartRequest request);
absl::StatusOr<std::vector<RunCost>> MeasureItems(PartRequest request);
absl::StatusOr<std::vector<double>> MeasurePaint(PartRequest request);  // ms a frame
absl::StatusOr<Quality> MeasureQuality(PartRequest request);
absl::Status CheckFloor(PartRequest request);

}  // namespace rn
