// What a user of another tool would have drawn beforehand: stills, and the narration spoken.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/scenarios.h"

namespace rn {

struct ContenderAssets {
  std::filesystem::path narration, music, backdrop, lower_third;
  std::vector<std::filesystem::path> photos;
  std::filesystem::path clip;                      // S3
  std::filesystem::path band;                      // S1's, half transparent, 1792 × 144
  std::filesystem::path title;                     // white on nothing, 800 × 192
  std::vector<std::filesystem::path> captions;     // white on nothing, 1100 × 80; S1: each page
  std::vector<std::filesystem::path> slide_texts;  // S2: on half transparent black, 800 × 120
};

// Where each text stands; a line of it at most, by its left or centre.
inline constexpr const char* kTitleLines[] = {"Spring Garden", "Collection 2024"};
inline constexpr int kTitleX = 64, kTitleY = 208;  // of the title's picture

// Made in `folder`, unless they are there. InvalidArgument: a frame that is not 1080 lines high.
absl::StatusOr<ContenderAssets> MakeContenderAssets(const Scenario& scenario,
                                                    const std::filesystem::path& folder);

// ffmpeg's drawtext in Inter. `where`: its x and y, and what else it should know.
std::string DrawText(absl::string_view text, int size, bool bold, absl::string_view where);

int FramesOf(const ScenarioSize& size);  // of one round, at 30 fps

}  // namespace rn
