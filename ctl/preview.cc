#include "ctl/preview.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"
#include "pipeline/compositor.h"
#include "pipeline/frame_picture.h"
#include "pipeline/jpeg.h"
#include "pipeline/narration.h"
#include "pipeline/scene.h"

namespace rn {
namespace {

namespace fs = std::filesystem;

constexpr char kSamplePicture[] = "sample.png";

// "image_url" as a person would write it: "Image url".
std::string Titled(const std::string& name) {
  std::string text = absl::StrReplaceAll(name, {{"_", " "}});
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

// A picture that shows how it is cropped and which way up it is.
Raster TestPicture() {
  constexpr int kWidth = 1280;
  constexpr int kHeight = 960;
  constexpr int kSquare = 80;
  Raster picture;
  picture.width = kWidth;
  picture.height = kHeight;
  picture.stride = 4 * kWidth;
  picture.pixels.resize(static_cast<std::size_t>(picture.stride) * kHeight);
  std::uint8_t* pixel = picture.pixels.data();
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x, pixel += 4) {
      const int light = (x / kSquare + y / kSquare) % 2 == 0 ? 24 : 0;
      pixel[0] = static_cast<std::uint8_t>(light + 200 - 120 * y / kHeight);
      pixel[1] = static_cast<std::uint8_t>(light + 90 + 80 * x / kWidth);
      pixel[2] = static_cast<std::uint8_t>(light + 40 + 120 * y / kHeight);
      pixel[3] = 255;
    }
  }
  return picture;
}

std::string SampleOf(const std::string& name,
                     const VariableInfo& info,
                     const rendernode::JobSpec& job,
                     const fs::path& folder) {
  switch (info.type) {
    case VariableType::kNumber:
      return "1";
    case VariableType::kColor:
      return "#808080";
    case VariableType::kImage:
      return (folder / kSamplePicture).string();
    case VariableType::kVoice: {
      std::string first;
      for (const auto& [voice, engine] : job.voices()) {
        if (first.empty() || voice < first) first = voice;
      }
      return first;
    }
    case VariableType::kString: {
      constexpr std::size_t kScriptCharacters = 200;  // What may be so long is spoken or wrapped.
      std::string text = Titled(name);
      if (info.characters_max >= kScriptCharacters) {
        absl::StrAppend(&text, " goes here. It takes a sentence or two to see how it is set.");
      }
      return text.substr(0, info.characters_max);
    }
    case VariableType::kVideo:
    case VariableType::kAudio:
    case VariableType::kSubtitles:
      break;  // Nobody would want to see or hear what could be made up.
  }
  return "";
}

// For what is required and not given.
absl::StatusOr<std::map<std::string, std::string>> Samples(const LocalJob& job,
                                                           const PreviewArgs& args,
                                                           const fs::path& folder) {
  ASSIGN_OR_RETURN(const auto given, ParseAssignments(args.values, "--set"));
  std::map<std::string, std::string> samples;
  for (const auto& [name, info] : job.parsed().variables()) {
    const bool optional =
        !info.required || job.spec().overrides().count(name) > 0 || given.count(name) > 0;
    if (optional) continue;
    std::string sample = SampleOf(name, info, job.spec(), folder);
    if (sample.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the variable \"", name, "\" needs a file: --set ", name, "=FILE"));
    }
    samples[name] = std::move(sample);
  }
  return samples;
}

absl::StatusOr<std::vector<std::int64_t>> FramesOf(const PreviewArgs& args, const Scene& scene) {
  const double rate = static_cast<double>(scene.frame_rate().num) / scene.frame_rate().den;
  const double length = static_cast<double>(scene.frame_count()) / rate;
  std::vector<std::int64_t> frames;
  for (const double at : args.seconds) {
    if (!(at >= 0 && at <= length)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("--at %g: the video is %.2f s long", at, length));
    }
    frames.push_back(std::min(std::int64_t{std::lround(at * rate)}, scene.frame_count() - 1));
  }
  // Each in the middle of its share of the video.
  const std::int64_t count =
      args.seconds.empty() ? std::min<std::int64_t>(args.frames, scene.frame_count()) : 0;
  for (std::int64_t i = 0; i < count; ++i) {
    frames.push_back((2 * i + 1) * scene.frame_count() / (2 * count));
  }
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  return frames;
}

// The frames as files, and all of them on the contact sheet.
absl::Status Paint(const PreviewArgs& args,
                   const Scene& scene,
                   const std::vector<std::int64_t>& frames,
                   Preview* preview) {
  ASSIGN_OR_RETURN(const auto compositor, Compositor::Create(scene));
  const int w = scene.width();
  const int h = scene.height();
  std::vector<std::uint8_t> memory(static_cast<std::size_t>(w) * h * 3 / 2);
  const Nv12View view{
      memory.data(), memory.data() + static_cast<std::ptrdiff_t>(w) * h, w, w, w, h};
  ContactSheet sheet(w, h, args.columns, static_cast<int>(frames.size()));
  std::optional<std::int64_t> holds;
  for (const std::int64_t n : frames) {
    RETURN_IF_ERROR(compositor->Paint(n, view, holds).status());
    holds = n;
    const double at = static_cast<double>(n) * scene.frame_rate().den / scene.frame_rate().num;
    const fs::path file = args.folder / absl::StrFormat("frame-%05.2fs.%s", at, args.format);
    ASSIGN_OR_RETURN(const Raster picture, PictureOf(view));
    RETURN_IF_ERROR(args.format == "jpg" ? WriteJpeg(view, file) : WritePng(picture, file));
    RETURN_IF_ERROR(sheet.Add(picture, absl::StrFormat("%.2f s", at)));
    preview->files.push_back(file);
  }
  preview->files.push_back(args.folder / "contact-sheet.png");
  RETURN_IF_ERROR(WritePng(sheet.raster(), preview->files.back()));
  for (const auto* warnings : {&scene.warnings(), &compositor->warnings()}) {
    preview->warnings.insert(preview->warnings.end(), warnings->begin(), warnings->end());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Preview> PreviewTemplate(const PreviewArgs& args) {
  if (args.format != "png" && args.format != "jpg") {
    return absl::InvalidArgumentError(
        absl::StrCat("--format: ", UnknownName("format", args.format, {"jpg", "png"})));
  }
  ASSIGN_OR_RETURN(const LocalJob job, LocalJob::Open(args.job));
  RETURN_IF_ERROR(CreateDirectories(args.folder));
  ASSIGN_OR_RETURN(const TempDir work, TempDir::Create("preview-"));
  RETURN_IF_ERROR(WritePng(TestPicture(), work.path() / kSamplePicture));
  std::map<std::string, std::string> samples;
  // A row of a sheet is shown as it is: what it lacks is its mistake.
  if (args.sheet.empty()) {
    ASSIGN_OR_RETURN(samples, Samples(job, args, work.path()));
  }
  ASSIGN_OR_RETURN(const rendernode::ItemSpec item, ItemOf(args, job, samples));
  ASSIGN_OR_RETURN(const auto paths, Gather(job.spec(), item, work.path()));
  ASSIGN_OR_RETURN(const Composition composition, job.parsed().Bind({job.spec(), item, paths}));
  SpeechEngines speech = SpeechEngines::BuiltIn();
  ASSIGN_OR_RETURN(const SpeechTracks tracks, Speak(composition, job.spec(), speech));
  ASSIGN_OR_RETURN(const Scene scene, Scene::Resolve(composition, tracks));
  ASSIGN_OR_RETURN(const auto frames, FramesOf(args, scene));
  Preview preview;
  for (const auto& [name, value] : samples) preview.made_up.push_back(name);
  RETURN_IF_ERROR(Paint(args, scene, frames, &preview));
  return preview;
}

}  // namespace rn
