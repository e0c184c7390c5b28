// A template with one row's values in it: no variable, colour name or condition is left to look up.
// Times and lengths may still wait for the narration: Scene::Resolve finishes them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/render.pb.h"

namespace rn {

// A script to be spoken before the scene can be resolved.
struct VoiceCue {
  std::string id;  // unique in the composition: the element's name, or its pointer
  std::string pointer;
  std::string text;
  std::string voice;           // a name in JobSpec::voices
  double rate = 1, pitch = 1;  // factors of the voice's
};

struct SidecarSpec {
  bool srt = false, vtt = false;
};

// So many thumbnails side by side in one picture.
struct PreviewSpec {
  int frames = 10;
  int width = 160;  // of one; pixels, even
};
// Of a thumbnail of `width` of a frame of this size: even, at least 2.
int ThumbnailHeight(int width, int frame_width, int frame_height);

struct OutputSettings {
  int width = 1920, height = 1080;  // even
  int fps_num = 30, fps_den = 1;
  double crf = 20;                       // unless a bitrate is asked for
  std::optional<int> video_bitrate_bps;  // on average
  std::string hardware = "preferred";    // required, preferred, off
  bool elision = true;                   // as EncodeParams::elision
  int audio_bitrate_bps = 192'000;
  absl::Duration poster_time;
  std::optional<PreviewSpec> preview;
  SidecarSpec sidecar;
};

// Parse once per job; Bind once per row. Immutable; thread-safe.
class Template;

// What Bind makes; the elements are Scene::Resolve's business.
class Composition {
 public:
  struct Model;  // elements as typed structs: composition_model.h

  explicit Composition(std::shared_ptr<const Model> model) : model_(std::move(model)) {}
  const OutputSettings& output() const;
  const std::vector<VoiceCue>& voices() const;
  const Model& model() const { return *model_; }

 private:
  std::shared_ptr<const Model> model_;
};

}  // namespace rn
