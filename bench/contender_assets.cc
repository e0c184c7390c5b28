#include "bench/contender_assets.h"

#include <fontconfig/fontconfig.h>

#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "bench/assets.h"
#include "bench/child.h"

namespace rn {
namespace {

// One picture of a filter graph without inputs.
absl::Status WriteStill(const std::filesystem::path& path, const std::string& graph) {
  if (std::filesystem::exists(path)) return absl::OkStatus();
  return RunChild({.argv = {"ffmpeg",
                            "-v",
                            "error",
                            "-nostdin",
                            "-y",
                            "-f",
                            "lavfi",
                            "-i",
                            graph,
                            "-frames:v",
                            "1",
                            path}})
      .status();
}

struct PatternDeleter {
  void operator()(FcPattern* pattern) const { FcPatternDestroy(pattern); }
};
using Pattern = std::unique_ptr<FcPattern, PatternDeleter>;

// drawtext takes a family, but no weight.
std::string FontFile(bool bold) {
  const Pattern wanted(
      FcNameParse(reinterpret_cast<const FcChar8*>(bold ? "Inter:bold" : "Inter")));
  FcConfigSubstitute(nullptr, wanted.get(), FcMatchPattern);
  FcDefaultSubstitute(wanted.get());
  FcResult result = FcResultNoMatch;
  const Pattern found(FcFontMatch(nullptr, wanted.get(), &result));
  FcChar8* file = nullptr;
  CHECK(FcPatternGetString(found.get(), FC_FILE, 0, &file) == FcResultMatch);
  return reinterpret_cast<const char*>(file);
}

// Nothing, in white: what is drawn into it keeps bright edges.
std::string Nothing(int width, int height) {
  return absl::StrFormat("color=c=white@0:s=%dx%d,format=rgba", width, height);
}

}  // namespace

std::string DrawText(absl::string_view text, int size, bool bold, absl::string_view where) {
  return absl::StrFormat(
      "drawtext=fontfile='%s':expansion=none:text='%s':fontsize=%d:fontcolor=white:%s",
      FontFile(bold),
      text,
      size,
      where);
}

int FramesOf(const ScenarioSize& size) {
  constexpr int kFps = 30;
  return static_cast<int>(std::lround(size.seconds * kFps));
}

absl::StatusOr<ContenderAssets> MakeContenderAssets(const Scenario& scenario,
                                                    const std::filesystem::path& folder) {
  constexpr int kHeight = 1080;
  if (scenario.size.height != kHeight || scenario.size.rounds != 1) {
    return absl::InvalidArgumentError("others render one round of 1080 lines; leave them out");
  }
  ContenderAssets assets;
  assets.music = scenario.asset_paths.at("music:tune");
  const std::string narration = Narration(scenario.size);
  assets.narration = folder / absl::StrCat("narration", narration.size(), ".m4a");
  if (!std::filesystem::exists(assets.narration)) {
    RETURN_IF_ERROR(WriteSpeech(assets.narration, narration, NarratorVoice()));
  }
  for (int i = 0; scenario.asset_paths.contains(absl::StrCat("asset:photo", i)); ++i) {
    assets.photos.emplace_back(scenario.asset_paths.at(absl::StrCat("asset:photo", i)));
  }
  if (const auto clip = scenario.asset_paths.find("asset:clip");
      clip != scenario.asset_paths.end()) {
    assets.clip = clip->second;
  }
  // The template's gradient: at 150 degrees, from corner to corner.
  const auto channel = [](int from, int to) {
    return absl::StrFormat("'%d+%d*((X-486)*0.5+(Y+281)*0.866)/1895'", from, to - from);
  };
  assets.backdrop = folder / "backdrop.png";
  RETURN_IF_ERROR(WriteStill(assets.backdrop,
                             absl::StrCat("color=s=1920x1080,format=gbrp,geq=r=",
                                          channel(0x18, 0x60),
                                          ":g=",
                                          channel(0x20, 0x28),
                                          ":b=",
                                          channel(0x48, 0x78),
                                          ",format=rgb24")));
  assets.lower_third = folder / "lower_third.png";
  RETURN_IF_ERROR(WriteStill(
      assets.lower_third,
      absl::StrCat("color=c=#121a40@0.5:s=1920x200,format=rgba,",
                   "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='215-161*X/W',",
                   DrawText("Dr. Jane Example", 64, true, "x=88:y=28"),
                   ",",
                   DrawText("Head of Botany, Example Gardens", 40, false, "x=88:y=112"))));
  assets.title = folder / "title.png";
  RETURN_IF_ERROR(WriteStill(assets.title,
                             absl::StrCat(Nothing(800, 192),
                                          ",",
                                          DrawText(kTitleLines[0], 72, true, "x=0:y=16"),
                                          ",",
                                          DrawText(kTitleLines[1], 72, true, "x=0:y=104"))));
  assets.band = folder / "band.png";
  RETURN_IF_ERROR(WriteStill(assets.band, "color=c=black@0.55:s=1792x144,format=rgba"));
  for (int i = 0; i < kSlides; ++i) {
    assets.slide_texts.push_back(folder / absl::StrCat("slide_text", i, ".png"));
    RETURN_IF_ERROR(WriteStill(assets.slide_texts.back(),
                               absl::StrCat("color=c=black@0.63:s=800x120,format=rgba,",
                                            DrawText(absl::StrCat("Slide number ", i + 1),
                                                     72,
                                                     false,
                                                     "x=(w-text_w)/2:y=(h-text_h)/2"))));
  }
  for (std::size_t i = 0; i < kCaptions.size(); ++i) {
    assets.captions.push_back(folder / absl::StrCat("caption", i, ".png"));
    RETURN_IF_ERROR(WriteStill(
        assets.captions.back(),
        absl::StrCat(Nothing(1100, 80),
                     ",",
                     DrawText(kCaptions[i], 48, false, "x=(w-text_w)/2:y=(h-text_h)/2"))));
  }
  return assets;
}

}  // namespace rn
