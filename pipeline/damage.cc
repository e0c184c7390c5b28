#include "pipeline/damage.h"

#include <algorithm>

#include "base/status.h"
#include "pipeline/draw_geometry.h"

namespace rn {
namespace {

// The same scenes, as far as can be told.
bool SameGroups(const DrawList& a, const DrawList& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.background == y.background;
  });
}

// Overlapping ones become the rectangle around both, until none overlap.
void Add(IntRect rect, std::vector<IntRect>* rects) {
  if (rect.empty()) return;
  for (std::size_t i = 0; i < rects->size();) {
    if (Intersect((*rects)[i], rect).empty()) {
      ++i;
      continue;
    }
    rect = Bounds((*rects)[i], rect);
    rects->erase(rects->begin() + static_cast<std::ptrdiff_t>(i));
    i = 0;
  }
  rects->push_back(rect);
}

void AddDifference(const IntRect& outer, const IntRect& inner, std::vector<IntRect>* rects) {
  for (const IntRect& rect : Around(outer, inner)) Add(rect, rects);
}

// As a whole, whatever is in them. True: no need to look.
bool AddGroups(const DrawGroup& a,
               const DrawGroup& b,
               const IntRect& whole,
               std::vector<IntRect>* rects) {
  if (a.opacity != b.opacity || a.dx != b.dx || a.dy != b.dy || a.scale != b.scale ||
      a.clip.has_value() != b.clip.has_value() ||
      a.circle_px.has_value() != b.circle_px.has_value()) {
    Add(Bounds(SeenBounds(a, whole), SeenBounds(b, whole)), rects);
    return true;
  }
  if (a.clip != b.clip || a.circle_px != b.circle_px) {
    AddDifference(Bounds(SeenBounds(a, whole), SeenBounds(b, whole)),
                  Intersect(SeenInside(a, whole), SeenInside(b, whole)),
                  rects);
  }
  return false;
}

// Where a draw's mark is once its group is placed.
IntRect InGroup(const IntRect& bounds, const DrawGroup& group, const IntRect& whole) {
  const Placement placement = PlacementOf(group, whole);
  if (placement.IsRest() || bounds.empty()) return Intersect(bounds, SeenBounds(group, whole));
  // A result is made of what lies around it, too: of two chroma samples to each side.
  constexpr int kAround = 6;
  const IntRect placed = PlacedBounds(bounds, placement);
  return Intersect(
      {placed.x - kAround, placed.y - kAround, placed.w + 2 * kAround, placed.h + 2 * kAround},
      SeenBounds(group, whole));
}

// One of `draws` that is `draw` but for what a wipe lets through of it; nullptr: none.
const Draw* OnlyRevealed(const std::vector<Draw>& draws, const Draw& draw) {
  for (const Draw& other : draws) {
    if (other.element != draw.element) continue;
    Draw same = other;
    same.reveal = draw.reveal;
    if (same == draw) return &other;
  }
  return nullptr;
}

bool Holds(const std::vector<Draw>& draws, const Draw& draw) {
  return std::find(draws.begin(), draws.end(), draw) != draws.end();
}

}  // namespace

absl::StatusOr<std::vector<IntRect>> DamageBetween(
    const DrawList& a,
    const DrawList& b,
    const IntRect& whole,
    absl::FunctionRef<absl::StatusOr<IntRect>(const Draw&)> bounds_of,
    absl::FunctionRef<IntRect(const Draw&)> revealed_by) {
  std::vector<IntRect> rects;
  if (a == b) return rects;
  if (!SameGroups(a, b)) return std::vector<IntRect>{whole};
  for (std::size_t g = 0; g < a.size(); ++g) {
    if (AddGroups(a[g], b[g], whole, &rects)) continue;
    for (const auto& [group, other] : {std::pair(&a[g], &b[g]), std::pair(&b[g], &a[g])}) {
      for (const Draw& draw : group->draws) {
        if (Holds(other->draws, draw)) continue;
        ASSIGN_OR_RETURN(const IntRect bounds, bounds_of(draw));
        IntRect same;
        if (const Draw* wiped = OnlyRevealed(other->draws, draw); wiped != nullptr) {
          if (PlacementOf(*group, whole).IsRest()) {
            same = Intersect(revealed_by(draw), revealed_by(*wiped));
          }
        }
        AddDifference(InGroup(bounds, *group, whole), same, &rects);
      }
    }
  }
  if (rects.size() > kDamageRectsMax) {
    IntRect around;
    for (const IntRect& rect : rects) around = Bounds(around, rect);
    rects = {around};
  }
  return rects;
}

}  // namespace rn
