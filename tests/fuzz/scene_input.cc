#include "tests/fuzz/scene_input.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "pipeline/text.h"
#include "template/template_model.h"

namespace rn {
namespace {

constexpr char kRowBegins = '\x1E';
constexpr absl::Duration kWord = absl::Milliseconds(2);

std::string Asset(absl::string_view name) {
  return absl::StrCat(RN_SOURCE_DIR, "/tests/fuzz/assets/", name);
}

// What stands for a variable of that type, or its file.
std::string ValueOf(VariableType type) {
  switch (type) {
    case VariableType::kString:
      return "One two. Three <b>four</b>";
    case VariableType::kNumber:
      return "2";
    case VariableType::kColor:
      return "#f80";
    case VariableType::kVoice:
      return "narrator";
    case VariableType::kImage:
      return Asset("picture.png");
    case VariableType::kVideo:
      return Asset("clip.mp4");
    case VariableType::kAudio:
      return Asset("sound.wav");
    case VariableType::kSubtitles:
      return Asset("subtitles.srt");
  }
  return "";
}

bool NamesAFile(VariableType type) {
  return type == VariableType::kImage || type == VariableType::kVideo ||
         type == VariableType::kAudio || type == VariableType::kSubtitles;
}

// "asset:intro.mp4": by its ending, and an image without one.
std::string FileFor(absl::string_view source) {
  if (absl::EndsWith(source, ".mp4")) return ValueOf(VariableType::kVideo);
  if (absl::EndsWith(source, ".srt")) return ValueOf(VariableType::kSubtitles);
  if (absl::StartsWith(source, "music:") || absl::EndsWith(source, ".wav")) {
    return ValueOf(VariableType::kAudio);
  }
  return ValueOf(VariableType::kImage);
}

struct Row {
  rendernode::JobSpec job;
  rendernode::ItemSpec item;
  std::map<std::string, std::string> paths;
};

Row RowFor(const Template& tmpl, absl::string_view lines) {
  Row row;
  row.item.set_row(1);
  (*row.job.mutable_voices())["narrator"].set_engine("silent");
  for (const std::string& source : tmpl.sources()) row.paths[source] = FileFor(source);
  for (const auto& [name, info] : tmpl.variables()) {
    if (NamesAFile(info.type)) {
      row.paths[name] = ValueOf(info.type);
    } else if (info.default_value.empty()) {
      (*row.item.mutable_values())[name] = ValueOf(info.type);
    }
  }
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> given = absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (given.first == "aspect_ratio") {
      row.job.mutable_output()->set_aspect_ratio(given.second);
    } else if (tmpl.variables().count(given.first) == 0) {
      (*row.job.mutable_overrides())[given.first] = given.second;
    } else {
      (*row.item.mutable_values())[given.first] = given.second;
    }
  }
  return row;
}

Speech Silent(absl::string_view text) {
  Speech speech;
  absl::Duration now;
  std::size_t at = 0;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    speech.words.push_back({std::string(word), at, at + word.size(), now, now + kWord});
    at += word.size() + 1;
    now += kWord;
  }
  speech.audio.samples.resize(static_cast<std::size_t>(ToSampleFrames(now)));
  return speech;
}

template <class T>
bool Taken(const absl::StatusOr<T>& result) {
  CHECK(result.ok() || !result.status().message().empty());
  return result.ok();
}

}  // namespace

std::optional<Scene> SceneOf(const std::uint8_t* data, std::size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find(kRowBegins), input.size());
  const auto tmpl = Template::Parse(input.substr(0, end), &InstalledFontFamilies());
  if (!Taken(tmpl)) return std::nullopt;
  const Row row = RowFor(*tmpl, input.substr(std::min(input.size(), end + 1)));
  const auto composition = tmpl->Bind({row.job, row.item, row.paths});
  if (!Taken(composition)) return std::nullopt;
  SpeechTracks tracks;
  for (const VoiceCue& cue : composition->voices()) tracks[cue.id] = Silent(cue.text);
  auto scene = Scene::Resolve(*composition, tracks);
  if (!Taken(scene)) return std::nullopt;
  return *std::move(scene);
}

std::vector<std::int64_t> SomeFrames(const Scene& scene) {
  const std::int64_t count = scene.frame_count();
  std::vector<std::int64_t> frames = {
      0, 1, 2, count / 4, count / 3, count / 2, count - 2, count - 1};
  for (std::int64_t& n : frames) n = std::clamp<std::int64_t>(n, 0, count - 1);
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

}  // namespace rn
