// The layers that a scene's frames are made of, prepared at first use, bounded in memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/layer.h"
#include "pipeline/scene.h"

namespace rn {

// One thread.
class LayerCache {
 public:
  // Least recently used ones go first; what the frame at hand needs always stays.
  static constexpr std::size_t kBytesMax = 96 << 20;

  explicit LayerCache(const Scene& scene) : scene_(scene) {}

  // Layers used from here on are of one frame: they stay together.
  void BeginFrame() { ++frame_; }

  // Where the draw leaves its mark: on even pixels, inside the frame.
  absl::StatusOr<IntRect> BoundsOf(const Draw& draw);
  // Nothing below it shows through anywhere in `rect`.
  absl::StatusOr<bool> Hides(const Draw& draw, const IntRect& rect);
  absl::Status Paint(const Draw& draw, const Nv12View& frame, const IntRect& rect);

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  using Key = std::tuple<int, int, int>;  // element, page, active word
  struct Entry {
    std::variant<Layer, MovingPicture> content;
    std::uint64_t used = 0;
    std::size_t bytes = 0;
  };

  absl::StatusOr<Entry*> Find(const Draw& draw);
  absl::StatusOr<Entry> Prepare(const Draw& draw);
  void MakeRoom();
  void Note(const Element& element, const std::vector<std::string>& warnings);

  const Scene& scene_;  // Outlives us.
  std::uint64_t frame_ = 0;
  std::size_t bytes_ = 0;
  std::map<Key, Entry> entries_;
  std::map<Key, IntRect> rest_;  // Bounds at rest of everything ever prepared.
  std::vector<std::string> warnings_;
};

}  // namespace rn
