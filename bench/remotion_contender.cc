// Remotion: the scenarios as React components in bench/remotion, drawn by headless Chromium.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/contender_assets.h"
#include "bench/contenders.h"

namespace rn {
namespace {

using Json = nlohmann::json;

// What index.jsx imports.
Json ScenarioJson(const Scenario& scenario) {
  const ScenarioSize& size = scenario.size;
  const auto frames = [](double seconds) { return FramesOf({.seconds = seconds}); };
  Json slides = Json::array();
  int from = 0;
  for (int i = 0; i < kSlides; ++i) {
    if (i > 0) from -= frames(FadeSeconds(size));
    slides.push_back({{"from", from}, {"frames", frames(SlideSeconds(size, i))}});
    from += frames(SlideSeconds(size, i));
  }
  return {{"name", scenario.name},
          {"frames", FramesOf(size)},
          {"captions", kCaptions},
          {"captionSeconds", kCaptionSeconds},
          {"title", kTitleLines},
          {"fadeFrames", frames(FadeSeconds(size))},
          {"slides", slides},
          {"leaveFrame", frames(size.seconds - LeaveSeconds(size))}};
}

// The files that the components name, and nothing else: all of the folder is bundled.
absl::Status FillPublicFolder(const ContenderAssets& assets, const std::filesystem::path& folder) {
  std::filesystem::remove_all(folder);
  RETURN_IF_ERROR(CreateDirectories(folder));
  std::vector<std::pair<std::filesystem::path, std::string>> files = {
      {assets.narration, "narration.m4a"},
      {assets.music, "tune.m4a"},
      {assets.lower_third, "lower_third.png"}};
  for (std::size_t i = 0; i < assets.photos.size(); ++i) {
    files.emplace_back(assets.photos[i], absl::StrCat("photo", i, ".jpg"));
  }
  if (!assets.clip.empty()) files.emplace_back(assets.clip, "clip.mp4");
  for (const auto& [from, name] : files) RETURN_IF_ERROR(CopyFileDurably(from, folder / name));
  return absl::OkStatus();
}

class RemotionContender final : public Contender {
 public:
  explicit RemotionContender(std::filesystem::path project) : project_(std::move(project)) {}

  std::string name() const override { return "Remotion"; }

  absl::Status Prepare(const Scenario& scenario, const std::filesystem::path& folder) override {
    RETURN_IF_ERROR(FindProgram("node").status());
    ASSIGN_OR_RETURN(chromium_, FindProgram("chromium-headless-shell"));
    if (!std::filesystem::exists(project_ / "node_modules/@remotion/renderer")) {
      return absl::NotFoundError(absl::StrCat("no @remotion/renderer in ", project_.string()));
    }
    ASSIGN_OR_RETURN(const ContenderAssets assets, MakeContenderAssets(scenario, folder));
    const std::filesystem::path files = folder / "remotion_public";
    RETURN_IF_ERROR(FillPublicFolder(assets, files));
    RETURN_IF_ERROR(WriteFileDurably(project_ / "scenario.json", ScenarioJson(scenario).dump()));
    bundle_ = folder / "remotion_bundle";
    std::filesystem::remove_all(bundle_);
    return RunChild({.argv = {"node", "bundle.mjs", files, bundle_}, .working_directory = project_})
        .status();
  }

  ChildCommand Command(const std::filesystem::path& output) const override {
    return {.argv = {"node", "render.mjs", bundle_, output},
            .working_directory = project_,
            .environment = {absl::StrCat("CHROME=", chromium_.string())}};
  }

 private:
  const std::filesystem::path project_;  // bench/remotion, installed
  std::filesystem::path chromium_, bundle_;
};

}  // namespace

std::unique_ptr<Contender> MakeRemotionContender(const std::filesystem::path& project) {
  return std::make_unique<RemotionContender>(project);
}

}  // namespace rn
