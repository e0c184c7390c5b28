// editly: declarative JSON over ffmpeg, with frames drawn by node-canvas and headless OpenGL. It
// has no slide for titles: they stand still.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/contender_assets.h"
#include "bench/contenders.h"

namespace rn {
namespace {

using Json = nlohmann::json;

// A picture with its left top corner at (x, y), w wide; pixels of 1920 × 1080.
Json Overlay(const std::filesystem::path& path, double x, double y, double w) {
  return {{"type", "image-overlay"},
          {"path", path.string()},
          {"position", {{"x", x / 1920}, {"y", y / 1080}, {"originX", "left"}, {"originY", "top"}}},
          {"width", w / 1920},
          {"zoomDirection", nullptr}};
}

Json PromoClips(const ContenderAssets& assets, const ScenarioSize& size) {
  Json photo = Overlay(assets.photos[0], 896, 144, 960);
  photo["zoomDirection"] = "in";
  photo["zoomAmount"] = 0.12;
  Json layers = {
      {{"type", "image"}, {"path", assets.backdrop.string()}, {"zoomDirection", nullptr}},
      photo,
      Overlay(assets.band, 64, 912, 1792),
      Overlay(assets.title, kTitleX, kTitleY, 800)};
  for (std::size_t i = 0; static_cast<double>(i) * kCaptionSeconds < size.seconds; ++i) {
    Json caption = Overlay(assets.captions[i % assets.captions.size()], 410, 944, 1100);
    caption["start"] = static_cast<double>(i) * kCaptionSeconds;
    caption["stop"] = (static_cast<double>(i) + 1) * kCaptionSeconds;
    layers.push_back(caption);
  }
  return {{{"duration", size.seconds}, {"layers", layers}}};
}

Json SlideClips(const ContenderAssets& assets, const ScenarioSize& size) {
  Json clips = Json::array();
  for (int i = 0; i < kSlides; ++i) {
    const auto slide = static_cast<std::size_t>(i);
    clips.push_back({{"duration", SlideSeconds(size, i)},
                     {"transition", {{"name", "fade"}, {"duration", FadeSeconds(size)}}},
                     {"layers",
                      {{{"type", "image"},
                        {"path", assets.photos[slide].string()},
                        {"resizeMode", "cover"},
                        {"zoomDirection", nullptr}},
                       Overlay(assets.slide_texts[slide], 560, 858, 800)}}});
  }
  clips.back().erase("transition");
  return clips;
}

Json ClipClips(const ContenderAssets& assets, const ScenarioSize& size) {
  return {{{"duration", size.seconds},
           {"layers",
            {{{"type", "video"}, {"path", assets.clip.string()}},
             Overlay(assets.lower_third, 0, 800, 1920)}}}};
}

class EditlyContender final : public Contender {
 public:
  explicit EditlyContender(std::filesystem::path project) : project_(std::move(project)) {}

  std::string name() const override { return "editly"; }

  absl::Status Prepare(const Scenario& scenario, const std::filesystem::path& folder) override {
    if (!std::filesystem::exists(project_ / "node_modules/editly")) {
      return absl::NotFoundError("its native parts (canvas, gl) did not build here");
    }
    ASSIGN_OR_RETURN(xvfb_, FindProgram("xvfb-run"));
    ASSIGN_OR_RETURN(const ContenderAssets assets, MakeContenderAssets(scenario, folder));
    const ScenarioSize& size = scenario.size;
    spec_ = {{"width", 1920},
             {"height", 1080},
             {"fps", 30},
             {"defaults", {{"transition", nullptr}}},
             {"clips",
              scenario.name == "S1"   ? PromoClips(assets, size)
              : scenario.name == "S2" ? SlideClips(assets, size)
                                      : ClipClips(assets, size)},
             {"audioTracks",
              {{{"path", assets.narration.string()}, {"mixVolume", 1}},
               {{"path", assets.music.string()}, {"mixVolume", 0.15}}}},
             {"customOutputArgs",
              {"-c:v",
               "libx264",
               "-preset",
               "veryfast",
               "-crf",
               "23",
               "-pix_fmt",
               "yuv420p",
               "-g",
               "60",
               "-c:a",
               "aac",
               "-b:a",
               "192k",
               "-movflags",
               "+faststart"}}};
    file_ = folder / "editly.json5";
    return WriteFileDurably(file_, spec_.dump());
  }

  // Headless OpenGL wants an X server.
  ChildCommand Command(const std::filesystem::path& output) const override {
    return {
        .argv =
            {xvfb_, "-a", project_ / "node_modules/.bin/editly", "--json", file_, "--out", output},
        .working_directory = project_};
  }

 private:
  const std::filesystem::path project_;  // bench/editly, installed
  std::filesystem::path xvfb_, file_;
  Json spec_;
};

}  // namespace

std::unique_ptr<Contender> MakeEditlyContender(const std::filesystem::path& project) {
  return std::make_unique<EditlyContender>(project);
}

}  // namespace rn
