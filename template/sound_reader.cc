#include "template/sound_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "base/nearest.h"
#include "template/source_reader.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr NumberRange kVolumeRange{0, 4};

Duck DuckOf(const ReadContext& context, const json& object, const std::string& pointer) {
  const Fields fields(context, object, pointer);
  Duck duck;
  duck.depth_db = fields.Number("depth_db", duck.depth_db, {-60, 0});
  duck.attack = fields.Seconds("attack", duck.attack);
  duck.hold = fields.Seconds("hold", duck.hold);
  duck.release = fields.Seconds("release", duck.release);
  const json* under = fields.Find("under");
  if (under != nullptr && under->is_array()) {
    for (const json& name : *under) {
      if (name.is_string()) duck.under.push_back(name.get<std::string>());
    }
  } else if (const auto name = fields.Text("under")) {
    duck.under = {*name};
  }
  return duck;
}

std::optional<double> Loudness(const Fields& fields) {
  if (!fields.Has("loudness")) return std::nullopt;
  return fields.Number("loudness", -16, {-50, -5});
}

}  // namespace

VoiceModel ReadVoice(const Fields& fields,
                     const std::string& pointer,
                     std::vector<VoiceCue>* voices) {
  const ReadContext& context = fields.context();
  VoiceCue cue;
  const json* name = fields.Find("name");
  cue.id = name != nullptr && name->is_string() ? name->get<std::string>() : pointer;
  cue.pointer = pointer;
  cue.text = fields.Text("text").value_or("");
  cue.voice = fields.Text("voice").value_or("");
  cue.rate = fields.Number("rate", 1);
  cue.pitch = fields.Number("pitch", 1);
  if (!context.checking_only()) {
    if (fields.Has("text") && absl::StripAsciiWhitespace(cue.text).empty()) {
      fields.Report("text", "there is nothing to say; give a text, or the element a condition");
    }
    if (fields.Has("voice") && context.input->job.voices().count(cue.voice) == 0) {
      std::vector<std::string> valid;
      for (const auto& [name, voice] : context.input->job.voices()) valid.push_back(name);
      std::sort(valid.begin(), valid.end());
      fields.Report("voice", UnknownName("voice", cue.voice, valid));
    }
  }
  voices->push_back(cue);
  return {cue.id, fields.PercentCurve("volume", 1, kVolumeRange), Loudness(fields)};
}

AudioModel ReadSound(const Fields& fields) {
  AudioModel audio;
  audio.gain = fields.PercentCurve("volume", 1, kVolumeRange);
  audio.loudness = Loudness(fields);
  audio.loop = fields.Flag("loop", false);
  audio.trim.start = fields.Seconds("trim_start");
  audio.trim.length = fields.Seconds("trim_duration", absl::InfiniteDuration());
  audio.trim.speed = fields.Number("speed", 1, {0.1, 10});
  audio.fade_in = fields.Seconds("fade_in");
  audio.fade_out = fields.Seconds("fade_out");
  std::string pointer;
  const json* duck = fields.Find("duck", &pointer);
  if (duck != nullptr && duck->is_object()) audio.duck = DuckOf(fields.context(), *duck, pointer);
  return audio;
}

AudioModel ReadAudio(const Fields& fields) {
  AudioModel audio = ReadSound(fields);
  audio.file = SourceFile(fields, VariableType::kAudio);
  audio.loop_crossfade = fields.Seconds("loop_crossfade");
  if (!audio.loop && fields.Has("loop_crossfade")) {
    fields.Report("loop_crossfade", "is for what loops; \"loop\" is false");
  }
  return audio;
}

}  // namespace rn
