#include "tests/pipeline/silent_scene.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "pipeline/text.h"
#include "template/template_model.h"
#include "tests/pipeline/image_files.h"

namespace rn {
namespace {

constexpr char kSubtitles[] =
    "1\n00:00:00,000 --> 00:00:01,000\none two\n\n"
    "2\n00:00:01,500 --> 00:00:02,000 X1:0\nthree\n\n"
    "3\n00:01:00,000 --> 00:01:01,000\nlate\n";

std::uint8_t Wave(double phase) {
  return static_cast<std::uint8_t>(std::lround(127.5 + 127.5 * std::sin(phase)));
}

Rgba PhotoPixel(int x, int y) {
  if (x % 40 == 20 || y % 40 == 20) return {255, 255, 255, 255};
  return {Wave(x * 0.02), Wave(y * 0.03 + 1), Wave((x + y) * 0.015 + 2), 255};
}

Rgba LogoPixel(int x, int y) {
  const double radius = std::hypot(x - 47.5, y - 47.5);
  const double coverage = std::clamp(44 - radius, 0.0, 1.0);
  return {220, static_cast<std::uint8_t>(2 * y), 40, static_cast<std::uint8_t>(255 * coverage)};
}

template <class T>
T Must(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::abort();
}

Speech Silent(absl::string_view text) {
  Speech speech;
  absl::Duration now;
  std::size_t at = 0;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    speech.words.push_back(
        {std::string(word), at, at + word.size(), now, now + SceneAssets::kWord});
    at += word.size() + 1;
    now += SceneAssets::kWord;
  }
  speech.audio.samples.resize(static_cast<std::size_t>(ToSampleFrames(now)));
  return speech;
}

}  // namespace

SceneAssets::SceneAssets() : folder_(Must(TempDir::Create("scene"))) {
  for (const auto& [name, bytes] : {std::pair("photo", ImageBytes("png", 320, 240, PhotoPixel)),
                                    std::pair("logo", ImageBytes("png", 96, 96, LogoPixel)),
                                    std::pair("broken", std::string("no picture")),
                                    std::pair("subtitles.srt", std::string(kSubtitles))}) {
    CHECK(WriteFileDurably(folder_.path() / name, bytes).ok());
  }
}

Scene SceneAssets::Resolve(absl::string_view body,
                           const std::string& aspect,
                           const rendernode::ItemSpec& row,
                           const std::map<std::string, std::string>& looks) const {
  const Template tmpl = Must(Template::Parse(
      absl::StrCat(R"({"schema": "1", "name": "t", )", body, "}"), &InstalledFontFamilies()));
  rendernode::JobSpec job;
  (*job.mutable_voices())["narrator"].set_engine("silent");
  job.mutable_output()->set_aspect_ratio(aspect);
  job.mutable_overrides()->insert(looks.begin(), looks.end());
  std::map<std::string, std::string> paths;
  for (const char* name : {"photo", "logo", "broken", "clip", "subtitles.srt"}) {
    paths[absl::StrCat("asset:", name)] = Path(name);
  }
  const Composition composition = Must(tmpl.Bind({job, row, paths}));
  SpeechTracks tracks;
  for (const VoiceCue& cue : composition.voices()) tracks[cue.id] = Silent(cue.text);
  return Must(Scene::Resolve(composition, tracks));
}

std::string SceneAssets::Path(absl::string_view name) const {
  return (folder_.path() / std::string(name)).string();
}

FrameBuffer::FrameBuffer(int width, int height, unsigned noise) {
  constexpr int kBetweenRows = 24;
  const int stride = width + kBetweenRows;
  bytes_.resize(static_cast<std::size_t>(stride) * height * 3 / 2);
  std::mt19937 random(noise);
  for (std::uint8_t& byte : bytes_) byte = static_cast<std::uint8_t>(random());
  view_ = {bytes_.data(),
           bytes_.data() + std::ptrdiff_t{stride} * height,
           stride,
           stride,
           width,
           height};
}

bool FrameBuffer::operator==(const FrameBuffer& other) const {
  const int rows = view_.height * 3 / 2;  // Chroma follows luma, with the same stride.
  for (int row = 0; row < rows; ++row) {
    const std::ptrdiff_t at = std::ptrdiff_t{row} * view_.y_stride;
    if (!std::equal(view_.y + at, view_.y + at + view_.width, other.view_.y + at)) return false;
  }
  return true;
}

}  // namespace rn
