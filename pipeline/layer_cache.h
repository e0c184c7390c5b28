// The layers that a scene's frames are made of, prepared at first use, bounded in memory, and how
// each is laid onto what is below.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/clip_picture.h"
#include "pipeline/layer.h"
#include "pipeline/scene.h"
#include "pipeline/surface.h"

namespace rn {

class SharedWork;

// One thread.
class LayerCache {
 public:
  // Least recently used ones go first; what the frame at hand needs always stays.
  static constexpr std::size_t kBytesMax = 96 << 20;

  // `elements` and `shared` (may be null) outlive the cache. `frame`: (0, 0, width, height) of what
  // is painted.
  LayerCache(const std::vector<Element>& elements, const IntRect& frame, SharedWork* shared)
      : elements_(elements), frame_(frame), shared_(shared) {}

  // Layers used from here on are of one frame: they stay together.
  void BeginFrame() { ++time_; }

  // Where the draw leaves its mark: on even pixels, inside the frame or not.
  absl::StatusOr<IntRect> BoundsOf(const Draw& draw);
  // Where Draw::reveal lets everything through that the draw shows: even. Empty: perhaps nowhere.
  IntRect RevealedBy(const Draw& draw) const;
  // Nothing below it shows through anywhere in `rect`.
  absl::StatusOr<bool> Hides(const Draw& draw, const IntRect& rect);
  // Only inside `rect` (even).
  absl::Status Paint(const Draw& draw, const Surface& surface, const IntRect& rect);

  // A group whose children can be painted onto what is below: they look the same as painted
  // together. `children` are then those, moved with it.
  bool IsPlainGroup(const Draw& draw, std::vector<Draw>* children) const;

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  // kContent: as the element has it. kMask: what is seen of it. kShadow: of contents that move
  // within a shape that does not. kFinished: what kContent, mask, reveal and shadow make.
  enum class Stage { kContent, kMask, kShadow, kFinished };
  struct Key {
    int element = 0;
    Stage stage = Stage::kContent;
    int page = -1, active_word = -1, characters = -1;
    double word_phase = 0;
    auto operator<=>(const Key&) const = default;
  };
  using Held = std::variant<Layer, MovingPicture, ClipPicture>;
  struct Entry {
    Held content;
    Draw of;  // kShadow, kFinished: what it was made for; else as it is by itself
    std::uint64_t used = 0;
    std::size_t bytes = 0;
  };

  const Element& ElementOf(const Draw& draw) const {
    return elements_[static_cast<std::size_t>(draw.element)];
  }
  static Key KeyOf(const Draw& draw, Stage stage);
  absl::StatusOr<IntRect> RestBounds(const Draw& draw);
  absl::StatusOr<IntRect> RevealedBounds(const Draw& draw);
  absl::StatusOr<IntRect> ContentBounds(const Draw& draw);
  absl::StatusOr<IntRect> ChildrenBounds(const Draw& draw);

  absl::StatusOr<Entry*> Content(const Draw& draw);
  absl::StatusOr<Layer*> Mask(const Element& element, int index);
  absl::StatusOr<Layer*> Finished(const Draw& draw);
  absl::StatusOr<Layer> Finish(const Draw& draw);
  Planes Shadowed(const Draw& draw, const Planes& planes, const IntRect& bounds, bool keeps_shape);
  absl::Status PaintRevealed(const Draw& draw,
                             const Surface& surface,
                             const IntRect& rect,
                             std::uint8_t opacity);
  absl::Status PaintContent(const Draw& draw, const Surface& surface, const IntRect& rect);
  // As used now. Null: not held, or made for another.
  Entry* Find(const Key& key, const Draw& of = {});
  Entry& Keep(const Key& key, Held content, Draw of = {});
  // What moves, moved further by (dx, dy), even.
  absl::Status PaintMoving(const Draw& draw,
                           const Surface& surface,
                           const IntRect& rect,
                           int dx,
                           int dy,
                           std::uint8_t opacity);
  void DropPassed(const Key& key);
  void MakeRoom();
  void Note(const Element& element, const std::vector<std::string>& warnings);

  const std::vector<Element>& elements_;  // Outlive us.
  const IntRect frame_;
  SharedWork* const shared_;  // Outlives us.
  std::uint64_t time_ = 0;
  std::size_t bytes_ = 0;
  std::map<Key, Entry> entries_;
  std::map<Key, IntRect> rest_;  // Bounds at rest of every content ever prepared.
  Planes placed_;                // Scratch.
  std::vector<std::string> warnings_;
};

}  // namespace rn
