// What Binder makes of a template and a row, and Scene::Resolve puts on a timeline. Lengths are
// output pixels already; times still wait for the sounds.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "template/box.h"
#include "template/caption_spec.h"
#include "template/composition.h"
#include "template/content.h"
#include "template/duck.h"
#include "template/fields.h"
#include "template/template_model.h"

namespace rn {

// When an element lives, within its scene (root elements: within the video).
struct ElementSpan {
  enum class Until { kSeconds, kMedia, kEnd };
  absl::Duration begin;
  Until until = Until::kEnd;
  absl::Duration length;  // kSeconds
};

// What moves as a whole, without being laid out or painted anew.
struct Motion {
  Curve dx, dy;  // pixels from the resting box
  Curve scale{1}, x_scale{1}, y_scale{1};
  Curve rotation_deg;
  Curve opacity{1};
};

enum class Way { kUp, kDown, kLeft, kRight };

// An entrance, from a far end to rest, or an exit from rest to a far end. Before an entrance the
// element is at the far end; after an exit it stays there.
struct AnimationModel {
  enum class Kind { kFade, kSlide, kScale, kWipe, kTypewriter };
  enum class When { kStart, kEnd, kAt };  // of the element's life
  Kind kind = Kind::kFade;
  When when = When::kStart;
  absl::Duration at;       // kAt
  bool leaves = false;     // an exit
  bool backwards = false;  // an exit that is the entrance played backwards
  absl::Duration duration;
  Easing easing;
  double dx = 0, dy = 0;   // kSlide: at the far end
  double start_scale = 0;  // kScale: there
  Way way = Way::kRight;   // kWipe: which way its edge moves
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
  std::string voice;      // VoiceCue::id; or …
  std::string subtitles;  // … a file, whose times count from the element's
  absl::Duration offset;  // of the file's times
};
struct VoiceModel {
  std::string cue;  // VoiceCue::id
  Curve gain{1};
  std::optional<double> loudness;  // LUFS
};
// What is used of a file, and how fast it goes.
struct Trim {
  absl::Duration start, length = absl::InfiniteDuration();
  double speed = 1;

  // Of a file of that length, on the timeline; nothing may be left.
  absl::Duration LengthOf(absl::Duration file) const {
    return std::max(absl::ZeroDuration(), std::min(file - start, length)) / speed;
  }
};
struct AudioModel {
  std::string file;
  Curve gain{1};
  std::optional<double> loudness;  // LUFS
  bool loop = false;
  Trim trim;
  absl::Duration fade_in, fade_out, loop_crossfade;
  std::optional<Duck> duck;
};
struct VideoModel {
  std::string file;
  Fit fit = Fit::kCover;
  bool mute = false;
  AudioModel sound;  // with the trim and the loop of both
};
struct GroupModel {};  // ElementModel::children
using ElementKind = std::variant<ImageModel,
                                 ShapeContent,
                                 TextContent,
                                 CaptionsModel,
                                 VoiceModel,
                                 AudioModel,
                                 VideoModel,
                                 GroupModel>;

struct ElementModel;

// An element that is laid out or painted anew as keyframes go by.
struct Changes {
  std::vector<KeyedProperty> properties;
  // The element as it is at a moment; its mistakes at that moment.
  std::function<ElementModel(const Moment&, std::vector<Problem>*)> at;
};

struct ElementModel {
  std::string pointer;
  std::string name;  // empty: none given
  ElementSpan span;
  Box box;                            // whole pixels
  bool seen = true;                   // false: keyframes have made it smaller than a pixel
  double anchor_x = 0, anchor_y = 0;  // pixels of the output
  Motion motion;
  BlendMode blend = BlendMode::kNormal;
  std::optional<Shadow> shadow;
  std::optional<Mask> mask;
  std::vector<AnimationModel> animations;
  ElementKind kind;
  std::vector<ElementModel> children;      // of a group
  std::shared_ptr<const Changes> changes;  // null: it stays as it is
};

// From the scene before.
struct TransitionModel {
  enum class Kind { kFade, kWipe, kSlide, kPush, kCircle, kZoom };
  Kind kind = Kind::kFade;
  Way way = Way::kLeft;  // which way things move
  absl::Duration duration;
  Easing easing;
};

struct SceneModel {
  enum class Length { kSeconds, kAuto, kMedia };
  std::string pointer;
  Length length = Length::kAuto;
  absl::Duration seconds;  // kSeconds
  absl::Duration tail;
  TransitionModel transition;
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
