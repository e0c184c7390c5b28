// A template bound to one row with every time and length resolved: what to draw on which frame.
// Immutable once resolved; safe to read from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hwaccel/frame.h"
#include "pipeline/audio_mix.h"
#include "pipeline/captions.h"
#include "pipeline/geometry.h"
#include "pipeline/speech.h"
#include "pipeline/text.h"
#include "template/composition.h"
#include "template/content.h"
#include "template/easing.h"
#include "template/fill.h"

namespace rn {

class ClipIndex;
class SharedWork;

struct FrameRange {
  std::int64_t begin = 0, end = 0;  // [begin, end)
  bool Contains(std::int64_t n) const { return n >= begin && n < end; }
};

// A clip. Which moment of it is seen is the Draw's to say: trim, speed and loops are in there.
struct VideoContent {
  std::string path;
  std::shared_ptr<const ClipIndex> index;  // of that file; never null once resolved
  Fit fit = Fit::kCover;
  bool operator==(const VideoContent&) const = default;
};

struct CaptionContent {
  CaptionSpec spec;
  std::vector<CaptionPage> pages;
  bool operator==(const CaptionContent&) const = default;
};
// Nothing of its own: Draw::children, painted together, then treated as one picture.
struct GroupContent {
  bool operator==(const GroupContent&) const = default;
};
using Content = std::
    variant<ImageContent, ShapeContent, TextContent, CaptionContent, VideoContent, GroupContent>;

struct Element {
  std::string pointer;  // "/scenes/1/elements/2"
  Box box;              // where it rests, in output pixels; contents are laid out in box.w × box.h
  Content content;
  double anchor_x = 0, anchor_y = 0;  // output pixels: what Draw's scale and rotation are about
  BlendMode blend = BlendMode::kNormal;
  std::optional<Shadow> shadow;  // of the masked element
  std::optional<Mask> mask;
  bool operator==(const Element&) const = default;
};

// One element on one frame. Two equal Draws paint the same pixels. In order: the content (with
// `window`, `media_s`, `page` …), its mask, `reveal`, its shadow, scale and rotation about the
// anchor, the move by (dx, dy), blending with `opacity`.
struct Draw {
  int element = 0;        // index into Scene::elements()
  int page = -1;          // captions: which page …
  int active_word = -1;   // … which word of it is spoken …
  double word_phase = 0;  // … and how far into it, 0…1 (effects that move within a word)
  int characters = -1;    // text: only the first so many graphemes are seen; −1: all
  double dx = 0, dy = 0;  // moved from its rest by this many pixels
  double scale_x = 1, scale_y = 1;  // about the anchor; negative: mirrored
  double rotation_deg = 0;          // about the anchor, clockwise
  double opacity = 1;               // 0…1
  SourceWindow window{0, 0, 1, 1};  // images
  Box reveal{0, 0, 1, 1};           // of its box, as fractions: what a wipe lets through so far
  double media_s = 0;               // videos: when in the clip the frame shown begins, seconds
  std::vector<Draw> children;       // groups: bottom to top, at rest in output pixels like others
  bool operator==(const Draw&) const = default;
};

// Draws that come and go as one, a scene of them: painted over an opaque `background`, then moved
// and scaled as a whole, and where `clip` and `circle_px` let it, blended onto what is below with
// `opacity`. The first group of a frame covers all of it.
struct DrawGroup {
  double opacity = 1;
  std::optional<Rgba> background;   // none: painted straight onto what is below (root elements)
  std::vector<Draw> draws;          // bottom to top
  double dx = 0, dy = 0;            // slide, push: output pixels
  double scale = 1;                 // zoom: about the frame's centre
  std::optional<Box> clip;          // wipe: output pixels
  std::optional<double> circle_px;  // circle: the radius about the frame's centre
  bool operator==(const DrawGroup&) const = default;
};
using DrawList = std::vector<DrawGroup>;

struct Timeline;  // every element's life in frames: timeline.h, pipeline-internal

class Scene {
 public:
  // Errors list every mistake with its JSON pointer (TEMPLATE_RENDER_ERROR).
  // `tracks` holds one Speech for each of composition.voices().
  static absl::StatusOr<Scene> Resolve(const Composition& composition,
                                       const SpeechTracks& tracks,
                                       SharedWork* shared = nullptr);

  int width() const { return width_; }    // even
  int height() const { return height_; }  // even
  FrameRate frame_rate() const { return frame_rate_; }
  std::int64_t frame_count() const { return frame_count_; }
  const std::vector<Element>& elements() const { return elements_; }

  // What is drawn on frame `n`, bottom to top.
  DrawList DrawListAt(std::int64_t n) const;

  // The sound, exactly as long as the frames.
  const MixPlan& mix() const { return mix_; }
  // Every caption page of the item in order of time: the sidecars.
  const std::vector<CaptionPage>& caption_pages() const { return caption_pages_; }
  std::int64_t poster_frame() const { return poster_frame_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  friend class SceneResolver;
  Scene() = default;

  int width_ = 0, height_ = 0;
  FrameRate frame_rate_;
  std::int64_t frame_count_ = 0, poster_frame_ = 0;
  std::vector<Element> elements_;
  std::vector<CaptionPage> caption_pages_;
  std::vector<std::string> warnings_;
  MixPlan mix_;
  std::shared_ptr<const Timeline> timeline_;
};

}  // namespace rn
