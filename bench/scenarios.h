// What is rendered when figures are taken: templates, rows and assets, all made on the spot and the
// same every time.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "proto/render.pb.h"

namespace rn {

struct Scenario {
  std::string name;
  rendernode::JobSpec job;
  rendernode::ItemSpec item;
  std::map<std::string, std::string> asset_paths;
};

// S1, a promo: a static gradient, a picture under Ken Burns in a box of 960 × 720, a title that
// slides in for a second, a caption every 2.5 s, a narration over ducked music. S2, slides: full
// frames, still but for fades of half a second. Both 15 s of 1080p30, x264 veryfast at crf 23.
// Assets are written into `folder`, unless they are there.
absl::StatusOr<Scenario> MakeScenario(const std::string& name, const std::filesystem::path& folder);

}  // namespace rn
