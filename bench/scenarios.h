// What is rendered when figures are taken: templates, rows and assets, all made on the spot and the
// same every time.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/render.pb.h"

namespace rn {

struct ScenarioSize {
  double seconds = 15;  // 1 to 60: of one round
  int rounds = 1;       // the same scenes again and again
  int height = 1080;    // lines; the frame is 16:9
};

struct Scenario {
  std::string name;
  ScenarioSize size;
  rendernode::JobSpec job;
  rendernode::ItemSpec item;  // row 0
  std::map<std::string, std::string> asset_paths;
};

// S1, a promo: a static gradient, a picture under Ken Burns in a box of 960 × 720, a title that
// slides in for a second, a caption every 2.5 s, a narration over ducked music. S2, slides: full
// frames, still but for fades of half a second. S3, a clip that fills the frame, under a lower
// third that slides in and out. 30 fps, x264 veryfast at crf 23. Assets are written into `folder`,
// unless they are there.
absl::StatusOr<Scenario> MakeScenario(const std::string& name,
                                      const ScenarioSize& size,
                                      const std::filesystem::path& folder);

// A row of the sheet, from 0: no two say or show the same texts, pictures and music are the job's.
rendernode::ItemSpec RowOf(const ScenarioSize& size, int row);

// ------------------------------------------------------------------- what they show
// For who renders the same with other means; pixels of 1920 × 1080, seconds.
inline constexpr int kSlides = 5;
inline constexpr double kCaptionSeconds = 2.5;
inline constexpr std::array<const char*, 6> kCaptions = {"Hand picked plants for every garden",
                                                         "Delivered to your door in two days",
                                                         "Free returns for thirty days",
                                                         "Order before Friday and save 20%",
                                                         "Over four hundred varieties",
                                                         "www.example.com – Spring 2024"};
double FadeSeconds(const ScenarioSize& size);          // S2: from slide to slide
double SlideSeconds(const ScenarioSize& size, int i);  // S2: each with the fade before it
double LeaveSeconds(const ScenarioSize& size);         // S3: how long the lower third slides out
std::string Narration(const ScenarioSize& size);       // fits a round
rendernode::Voice NarratorVoice();

}  // namespace rn
