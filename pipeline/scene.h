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
#include "pipeline/composition.h"
#include "pipeline/easing.h"
#include "pipeline/geometry.h"
#include "pipeline/speech.h"
#include "pipeline/text.h"

namespace rn {

struct FrameRange {
  std::int64_t begin = 0, end = 0;  // [begin, end)
  bool Contains(std::int64_t n) const { return n >= begin && n < end; }
};

enum class Fit { kCover, kContain, kFill, kNone };

// Part of a fitted picture, as fractions of it: {0, 0, 1, 1} is all of it.
using SourceWindow = Box;

struct ImageContent {
  std::string path;
  Fit fit = Fit::kCover;
  bool moves = false;    // Ken Burns: the window changes from frame to frame
  double scale_max = 1;  // the largest Ken Burns scale: how much resolution to keep
};

struct GradientStop {
  double offset = 0;  // 0…1
  Rgba color;
};
struct Fill {
  std::vector<GradientStop> stops;  // one: a solid colour; more: a linear gradient
  double angle_deg = 180;           // CSS: 180 runs top to bottom, 90 left to right
};
struct ShapeContent {
  enum class Kind { kRect, kEllipse } kind = Kind::kRect;
  Fill fill;
  double radius_px = 0;
  std::optional<Stroke> stroke;
};
struct TextContent {
  TextSpec spec;
};
struct CaptionContent {
  CaptionSpec spec;
  std::vector<CaptionPage> pages;
};
using Content = std::variant<ImageContent, ShapeContent, TextContent, CaptionContent>;

struct Element {
  std::string pointer;  // "/scenes/1/elements/2"
  Box box;              // where it rests, in output pixels; contents are laid out in box.w × box.h
  Content content;
};

// One element on one frame. Two equal Draws paint the same pixels.
struct Draw {
  int element = 0;                  // index into Scene::elements()
  int page = -1;                    // captions: which page …
  int active_word = -1;             // … and which word of it is lit
  double dx = 0, dy = 0;            // moved from its rest by this many pixels
  double opacity = 1;               // 0…1
  SourceWindow window{0, 0, 1, 1};  // images
  bool operator==(const Draw&) const = default;
};

// Draws that fade as one: painted over an opaque `background`, then blended onto what is below
// with `opacity`. The first group of a frame has opacity 1.
struct DrawGroup {
  double opacity = 1;
  std::optional<Rgba> background;  // none: painted straight onto what is below (root elements)
  std::vector<Draw> draws;         // bottom to top
  bool operator==(const DrawGroup&) const = default;
};
using DrawList = std::vector<DrawGroup>;

struct Timeline;  // every element's life in frames: timeline.h, pipeline-internal

class Scene {
 public:
  // Errors list every mistake with its JSON pointer (TEMPLATE_RENDER_ERROR).
  // `tracks` holds one Speech for each of composition.voices().
  static absl::StatusOr<Scene> Resolve(const Composition& composition, const SpeechTracks& tracks);

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
