// What Binder makes of a template and a row, and Scene::Resolve puts on a timeline. Lengths are
// output pixels already; times still wait for the sounds.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "pipeline/composition.h"
#include "pipeline/scene.h"

namespace rn {

// When an element lives, within its scene (root elements: within the video).
struct ElementSpan {
  enum class Until { kSeconds, kMedia, kEnd };
  absl::Duration begin;
  Until until = Until::kEnd;
  absl::Duration length;  // kSeconds
};

// An entrance (or exit) as what it adds at its far end: fully transparent, or moved by dx, dy.
struct AnimationModel {
  bool exit = false;
  absl::Duration duration;
  Easing easing;
  bool fades = false;
  double dx = 0, dy = 0;
};

struct KenBurns {
  SourceWindow from, to;
  Easing easing;
};
struct ImageModel {
  ImageContent content;
  std::optional<KenBurns> ken_burns;
};
struct CaptionsModel {
  CaptionSpec spec;
  std::string voice;  // VoiceCue::id
};
struct VoiceModel {
  std::string cue;  // VoiceCue::id
  double gain = 1;
};
struct AudioModel {
  std::string file;
  double gain = 1;
  bool loop = false;
  absl::Duration trim_start, fade_in, fade_out, loop_crossfade;
  std::optional<Duck> duck;
};
using ElementKind =
    std::variant<ImageModel, ShapeContent, TextContent, CaptionsModel, VoiceModel, AudioModel>;

struct ElementModel {
  std::string pointer;
  std::string name;  // empty: none given
  ElementSpan span;
  Box box;  // whole pixels
  double opacity = 1;
  std::vector<AnimationModel> animations;
  ElementKind kind;
};

struct SceneModel {
  enum class Length { kSeconds, kAuto, kMedia };
  std::string pointer;
  Length length = Length::kAuto;
  absl::Duration seconds;  // kSeconds
  absl::Duration tail;
  absl::Duration fade_in;  // transition from the scene before
  Rgba background{0, 0, 0, 255};
  std::vector<ElementModel> elements;
};

struct Composition::Model {
  OutputSettings output;
  double target_lufs = -14, true_peak_db = -1;
  std::vector<VoiceCue> voices;
  std::vector<SceneModel> scenes;
  std::vector<ElementModel> elements;  // over all scenes
};

}  // namespace rn
