#include "template/output_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr int kThumbnailHeightMax = 4096;  // pixels

const json& ObjectAt(const json& owner, const char* key) {
  static const json* const empty = new json(json::object());
  const auto found = owner.find(key);
  return found != owner.end() && found->is_object() ? *found : *empty;
}

// "29.97" is short for 30000/1001: as NTSC's rates are known, and as they really are.
void SetRate(double fps, OutputSettings* output) {
  constexpr double kMin = 1, kMax = 60;  // The schema has refused all but a few between.
  fps = std::clamp(fps, kMin, kMax);
  const double whole = std::round(fps);
  const bool exact = fps == whole;
  output->fps_num = static_cast<int>(whole) * (exact ? 1 : 1000);
  output->fps_den = exact ? 1 : 1001;
}

// What may be said in bits a second, and how people write it.
struct BitrateRange {
  int min_bps, max_bps;
  absl::string_view words;
};
constexpr BitrateRange kAudioBitrates{32'000, 512'000, "32k to 512k"};
constexpr BitrateRange kVideoBitrates{50'000, 100'000'000, "50k to 100M"};

// "192k", "6M", "2.5M" or a number; nothing where there is none, or after a report.
std::optional<int> BitrateOf(const Fields& fields, const BitrateRange& range) {
  const json* value = fields.Find("bitrate");
  if (value != nullptr && value->is_number()) {
    // The schema has refused what is not within.
    return static_cast<int>(
        std::clamp(value->get<double>(), 1.0 * range.min_bps, 1.0 * range.max_bps));
  }
  const auto text = fields.Text("bitrate");
  if (!text) return std::nullopt;
  absl::string_view digits = *text;
  const double unit = absl::ConsumeSuffix(&digits, "k")   ? 1e3
                      : absl::ConsumeSuffix(&digits, "M") ? 1e6
                                                          : 0;
  double count = 0;
  if (unit == 0 || !absl::SimpleAtod(digits, &count) ||
      !(count * unit >= range.min_bps && count * unit <= range.max_bps)) {
    fields.Report("bitrate", absl::StrCat("\"", *text, "\" is not within ", range.words));
    return std::nullopt;
  }
  return static_cast<int>(std::lround(count * unit));
}

void ReadVideo(const Fields& video, OutputSettings* output) {
  output->crf = video.Number("crf", output->crf);
  output->video_bitrate_bps = BitrateOf(video, kVideoBitrates);
  if (video.Has("bitrate") && video.Has("crf")) {
    video.Report("bitrate", "\"crf\" asks for a quality and \"bitrate\" for a size: give one");
  }
  output->hardware = video.Text("hardware").value_or(output->hardware);
  output->elision = video.Flag("elision", output->elision);
}

void ReadPreview(const Fields& fields, OutputSettings* output) {
  PreviewSpec preview;
  preview.frames = static_cast<int>(fields.Number("frames", preview.frames, {1, 60}));
  preview.width = static_cast<int>(fields.Number("width", preview.width, {16, 512}));
  if (preview.width % 2 != 0) fields.Report("width", "must be even");
  const int height =
      ThumbnailHeight(preview.width, std::max(output->width, 1), std::max(output->height, 1));
  if (height > kThumbnailHeightMax) {
    fields.Report("width",
                  absl::StrCat("makes pictures ",
                               height,
                               " pixels high of this frame; at most ",
                               kThumbnailHeightMax));
  }
  output->preview = preview;
}

}  // namespace

void ReadOutputSettings(const ReadContext& context, const json& own, Composition::Model* model) {
  OutputSettings& output = model->output;
  SetRate(Fields(context, own, "/output").Number("fps", 30), &output);
  ReadVideo(Fields(context, ObjectAt(own, "video"), "/output/video"), &output);
  const json& sound = ObjectAt(own, "audio");
  output.audio_bitrate_bps = BitrateOf(Fields(context, sound, "/output/audio"), kAudioBitrates)
                                 .value_or(output.audio_bitrate_bps);
  const Fields loudness(context, ObjectAt(sound, "loudness"), "/output/audio/loudness");
  model->target_lufs = loudness.Number("target_lufs", -14);
  model->true_peak_db = loudness.Number("true_peak_db", -1);
  output.poster_time = Fields(context, ObjectAt(own, "poster"), "/output/poster").Seconds("time");
  if (own.contains("preview")) {
    ReadPreview(Fields(context, ObjectAt(own, "preview"), "/output/preview"), &output);
  }
  const auto sidecar = own.find("sidecar");
  if (sidecar == own.end() || !sidecar->is_array()) return;
  output.sidecar.srt = std::find(sidecar->begin(), sidecar->end(), json("srt")) != sidecar->end();
  output.sidecar.vtt = std::find(sidecar->begin(), sidecar->end(), json("vtt")) != sidecar->end();
}

}  // namespace rn
