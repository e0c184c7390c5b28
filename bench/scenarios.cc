#include "bench/scenarios.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "bench/assets.h"

namespace rn {
namespace {

constexpr char kOutput[] = R"({"schema": "1", "name": "bench",
  "output": {"width": 1920, "height": 1080, "fps": 30, "video": {"crf": 23},
             "poster": {"time": 0.5}, "sidecar": ["srt"]},
  "variables": {"mark": {"type": "string"}, "script": {"type": "string", "required": true}},
  "theme": {"defaults": {"text": {"fill_color": "#fff"}}}, "scenes": [)";

constexpr char kMusic[] = R"({"type": "audio", "source": "music:tune", "loop": true,
     "loop_crossfade": 1, "volume": "40%", "duration": "end", "fade_out": 1,
     "duck": {"under": "narration"}})";

// What is heard: a narration in every round, and music that ducks under the first.
std::string Sound(const ScenarioSize& size) {
  constexpr double kPause = 0.1;
  std::string sound;
  for (int round = 0; round < size.rounds; ++round) {
    absl::StrAppend(&sound,
                    R"({"type": "voice", "name": "narration)",
                    round == 0 ? "" : absl::StrCat(round),
                    R"(", "voice": "narrator", "time": )",
                    round * size.seconds + kPause,
                    R"(, "text": "{{script}}"},)");
  }
  return absl::StrCat(sound, kMusic);
}

// ------------------------------------------------------------------- S1
std::vector<std::string> Captions(double seconds) {
  std::vector<std::string> captions;
  const int count = static_cast<int>(std::ceil(seconds / kCaptionSeconds));
  for (int i = 0; i < count; ++i) {
    const double begin = i * kCaptionSeconds;
    captions.push_back(
        absl::StrCat(R"({"type": "text", "font_size": 48, "y": 984, "height": 100, "width": 1700,
    "duration": )",
                     std::min(kCaptionSeconds, seconds - begin),
                     R"(, "time": )",
                     begin,
                     R"(, "text": ")",
                     kCaptions[static_cast<std::size_t>(i) % kCaptions.size()],
                     R"({{mark}}"})"));
  }
  return captions;
}

std::string PromoScene(const ScenarioSize& size) {
  return absl::StrCat(R"({"duration": )",
                      size.seconds,
                      R"(, "elements": [
    {"type": "shape", "fill": {"angle": 150, "stops": [{"color": "#182048"},
      {"color": "#602878"}]}},
    {"type": "image", "source": "asset:photo0", "x": 896, "y": 144, "x_anchor": 0, "y_anchor": 0,
     "width": 960, "height": 720, "ken_burns": {"to": {"scale": 1.12}}},
    {"type": "text", "text": "Spring Garden Collection 2024{{mark}}", "font_size": 72, "font_weight": 700,
     "text_align": "left", "x": 64, "y": 300, "x_anchor": 0, "width": 780, "height": 300,
     "animations": [{"type": "slide", "direction": "right", "distance": 264, "duration": 1,
                     "easing": "quadratic-out"}, {"type": "fade", "duration": 1}]},
    {"type": "shape", "fill_color": "#0000008c", "y": 984, "width": 1792, "height": 144},)",
                      absl::StrJoin(Captions(size.seconds), ","),
                      "]}");
}

// ------------------------------------------------------------------- S2
std::string SlideScenes(const ScenarioSize& size) {
  std::vector<std::string> scenes;
  for (int i = 0; i < kSlides; ++i) {
    scenes.push_back(absl::StrCat(
        R"({"duration": )",
        SlideSeconds(size, i),
        i == 0 ? ""
               : absl::StrCat(
                     R"(, "transition": {"type": "fade", "duration": )", FadeSeconds(size), "}"),
        R"(, "elements": [{"type": "image", "source": "asset:photo)",
        i,
        R"("}, {"type": "text", "font_size": 72, "y": "85%", "height": "20%",
                       "background_color": "#000000a0", "text": "Slide number )",
        i + 1,
        R"({{mark}}"}]})"));
  }
  return absl::StrJoin(scenes, ",");
}

// ------------------------------------------------------------------- S3
std::string ClipScene(const ScenarioSize& size) {
  const std::string moves = absl::StrCat(
      R"("animations": [{"type": "slide", "direction": "up", "distance": 280, "duration": 0.5},
       {"type": "slide", "direction": "down", "distance": 280, "time": "end", "duration": )",
      LeaveSeconds(size),
      "}]");
  return absl::StrCat(R"({"duration": )",
                      size.seconds,
                      R"(, "elements": [
    {"type": "video", "source": "asset:clip", "mute": true},
    {"type": "shape", "fill": {"angle": 90, "stops": [{"color": "#121a40d7"},
      {"color": "#121a4036"}]}, "y": 900, "height": 200, )",
                      moves,
                      R"(}, {"type": "text", "text": "Dr. Jane Example{{mark}}", "font_size": 64,
     "font_weight": 700, "text_align": "left", "x": 88, "x_anchor": 0, "y": 868, "width": 1700,
     "height": 100, )",
                      moves,
                      R"(}, {"type": "text", "text": "Head of Botany, Example Gardens",
     "font_size": 40, "text_align": "left", "x": 88, "x_anchor": 0, "y": 940, "width": 1700,
     "height": 70, )",
                      moves,
                      "}]}");
}

using SceneMaker = std::string (*)(const ScenarioSize& size);
struct Recipe {
  SceneMaker scenes;
  int photos;
  bool clip;
};
const std::map<std::string, Recipe>& Recipes() {
  static const auto* const recipes =
      new std::map<std::string, Recipe>{{"S1", {PromoScene, 1, false}},
                                        {"S2", {SlideScenes, kSlides, false}},
                                        {"S3", {ClipScene, 2, true}}};
  return *recipes;
}

std::string TemplateOf(const Recipe& recipe, const ScenarioSize& size) {
  const std::vector<std::string> rounds(static_cast<std::size_t>(size.rounds), recipe.scenes(size));
  return absl::StrCat(
      kOutput, absl::StrJoin(rounds, ","), R"(], "elements": [)", Sound(size), "]}");
}

absl::Status MakeAssets(const Recipe& recipe,
                        const std::filesystem::path& folder,
                        Scenario* scenario) {
  const auto unless_there = [](const std::filesystem::path& path, auto write) -> absl::Status {
    return std::filesystem::exists(path) ? absl::OkStatus() : write(path);
  };
  const std::filesystem::path music = folder / "tune.m4a";
  RETURN_IF_ERROR(unless_there(music, WriteMusic));
  scenario->asset_paths["music:tune"] = music.string();
  std::vector<std::filesystem::path> photos;
  for (int i = 0; i < recipe.photos; ++i) {
    photos.push_back(folder / absl::StrCat("photo", i, ".jpg"));
    RETURN_IF_ERROR(unless_there(photos.back(), [i](const std::filesystem::path& path) {
      return WritePhoto(path, static_cast<std::uint32_t>(i));
    }));
    scenario->asset_paths[absl::StrCat("asset:photo", i)] = photos.back().string();
  }
  if (recipe.clip) {
    const double seconds = scenario->size.seconds;
    const std::filesystem::path clip = folder / absl::StrCat("clip", seconds, "s.mp4");
    RETURN_IF_ERROR(unless_there(clip, [&](const std::filesystem::path& path) {
      return WriteClip(path, {photos[0], photos[1]}, seconds);
    }));
    scenario->asset_paths["asset:clip"] = clip.string();
  }
  return absl::OkStatus();
}

}  // namespace

double FadeSeconds(const ScenarioSize& size) {
  constexpr double kLongest = 0.5;
  return std::min(kLongest, size.seconds / kSlides / 2);
}

double SlideSeconds(const ScenarioSize& size, int i) {
  return size.seconds / kSlides + (i == 0 ? 0 : FadeSeconds(size));
}

double LeaveSeconds(const ScenarioSize& size) {
  constexpr double kLongest = 2.5;
  return std::min(kLongest, size.seconds / 4);
}

std::string Narration(const ScenarioSize& size) {
  constexpr double kAll = 12;
  return size.seconds < kAll
             ? "Welcome."
             : "Welcome to our spring garden collection. Every plant is picked by hand, and "
               "delivered to your door in two days. Order before Friday, and save twenty percent.";
}

rendernode::ItemSpec RowOf(const ScenarioSize& size, int row) {
  constexpr double kWithNumber = 3;  // A shorter item has no time to say it.
  rendernode::ItemSpec item;
  item.set_row(static_cast<std::uint32_t>(row + 1));
  (*item.mutable_values())["mark"] = row == 0 ? "" : absl::StrCat(", ", row);
  (*item.mutable_values())["script"] = absl::StrCat(
      Narration(size),
      row > 0 && size.seconds >= kWithNumber ? absl::StrCat(" Number ", row, ".") : "");
  return item;
}

rendernode::Voice NarratorVoice() {
  rendernode::Voice voice;
  voice.set_engine("espeak-ng");
  voice.set_voice("en-us");
  return voice;
}

absl::StatusOr<Scenario> MakeScenario(const std::string& name,
                                      const ScenarioSize& size,
                                      const std::filesystem::path& folder) {
  const auto recipe = Recipes().find(name);
  if (recipe == Recipes().end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown scenario \"", name, "\"; valid: S1, S2, S3"));
  }
  constexpr double kSecondsMin = 1, kSecondsMax = 60;
  if (size.seconds < kSecondsMin || size.seconds > kSecondsMax || size.rounds < 1) {
    return absl::InvalidArgumentError(absl::StrCat("a round of ",
                                                   size.seconds,
                                                   " s; valid: ",
                                                   kSecondsMin,
                                                   " to ",
                                                   kSecondsMax,
                                                   ", at least once"));
  }
  Scenario scenario;
  scenario.name = name;
  scenario.size = size;
  scenario.job.set_template_json(TemplateOf(recipe->second, size));
  scenario.item = RowOf(size, 0);
  scenario.job.mutable_output()->set_height(static_cast<std::uint32_t>(size.height));
  (*scenario.job.mutable_voices())["narrator"] = NarratorVoice();
  RETURN_IF_ERROR(MakeAssets(recipe->second, folder, &scenario));
  return scenario;
}

}  // namespace rn
