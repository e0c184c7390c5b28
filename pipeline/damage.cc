#include "pipeline/damage.h"

#include <algorithm>

#include "base/status.h"

namespace rn {
namespace {

bool SameGroups(const DrawList& a, const DrawList& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.opacity == y.opacity && x.background == y.background;
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

bool Holds(const std::vector<Draw>& draws, const Draw& draw) {
  return std::find(draws.begin(), draws.end(), draw) != draws.end();
}

}  // namespace

absl::StatusOr<std::vector<IntRect>> DamageBetween(
    const DrawList& a,
    const DrawList& b,
    const IntRect& whole,
    absl::FunctionRef<absl::StatusOr<IntRect>(const Draw&)> bounds_of) {
  std::vector<IntRect> rects;
  if (a == b) return rects;
  if (!SameGroups(a, b)) return std::vector<IntRect>{whole};
  for (std::size_t g = 0; g < a.size(); ++g) {
    for (const auto& [draws, others] :
         {std::pair(&a[g].draws, &b[g].draws), std::pair(&b[g].draws, &a[g].draws)}) {
      for (const Draw& draw : *draws) {
        if (Holds(*others, draw)) continue;
        ASSIGN_OR_RETURN(const IntRect bounds, bounds_of(draw));
        Add(Intersect(bounds, whole), &rects);
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
