#include "pipeline/painter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "pipeline/cover.h"
#include "pipeline/damage.h"
#include "pipeline/draw_geometry.h"

namespace rn {
namespace {

// The part of a group as it was painted that `seen` is made of once it is placed.
IntRect SourceOf(const IntRect& seen, const Placement& placement, const IntRect& whole) {
  if (placement.IsRest()) return seen;
  // Whatever a result reaches for beyond itself: two chroma samples, more where it is shrunk.
  constexpr double kReach = 8;
  const double scale = std::max(std::abs(placement.scale_x), 1e-3);
  const auto back = [&](double at, double anchor, double move) {
    return anchor + (at - anchor - move) / scale;
  };
  const double reach = kReach * std::max(1.0, 1 / scale);
  const double left = back(seen.x, placement.anchor_x, placement.dx) - reach;
  const double top = back(seen.y, placement.anchor_y, placement.dy) - reach;
  const double right = back(seen.right(), placement.anchor_x, placement.dx) + reach;
  const double bottom = back(seen.bottom(), placement.anchor_y, placement.dy) + reach;
  return Intersect(whole, EvenAround(Box{left, top, right - left, bottom - top}));
}

bool Covers(const DrawGroup& group, const IntRect& rect, const IntRect& whole) {
  return group.background && group.opacity >= 1 &&
         Intersect(SeenInside(group, whole), rect) == rect;
}

}  // namespace

absl::StatusOr<std::vector<IntRect>> Painter::Paint(const DrawList& wanted,
                                                    const Nv12View& frame,
                                                    const DrawList* holds) {
  layers_.BeginFrame();
  const DrawList groups = Flattened(wanted);
  std::vector<IntRect> rects = {whole_};
  if (holds != nullptr) {
    ASSIGN_OR_RETURN(rects, Between(Flattened(*holds), groups));
  }
  for (const IntRect& rect : rects) {
    RETURN_IF_ERROR(PaintRect(groups, Surface(frame), rect));
  }
  return rects;
}

absl::StatusOr<std::vector<IntRect>> Painter::Damage(const DrawList& a, const DrawList& b) {
  layers_.BeginFrame();
  return Between(Flattened(a), Flattened(b));
}

absl::StatusOr<std::vector<IntRect>> Painter::Between(const DrawList& a, const DrawList& b) {
  return DamageBetween(
      a,
      b,
      whole_,
      [&](const Draw& draw) { return layers_.BoundsOf(draw); },
      [&](const Draw& draw) { return layers_.RevealedBy(draw); });
}

// Groups that need no picture of their own become the draws that they are made of: then a child
// that moves damages its own place alone.
DrawList Painter::Flattened(const DrawList& groups) const {
  DrawList flat = groups;
  for (DrawGroup& group : flat) {
    std::vector<Draw> draws;
    draws.reserve(group.draws.size());
    for (const Draw& draw : group.draws) Flatten(draw, &draws);
    group.draws = std::move(draws);
  }
  return flat;
}

void Painter::Flatten(const Draw& draw, std::vector<Draw>* draws) const {
  if (std::vector<Draw> children; layers_.IsPlainGroup(draw, &children)) {
    for (const Draw& child : children) Flatten(child, draws);
  } else {
    draws->push_back(draw);
  }
}

// Groups from the last one that covers everything on: what is below it is never seen.
absl::Status Painter::PaintRect(const DrawList& groups, const Surface& frame, const IntRect& rect) {
  std::size_t first = groups.size();
  while (first > 0 && !Covers(groups[first - 1], rect, whole_)) --first;
  if (first == 0) frame.Fill(rect, {0, 0, 0, 255});
  for (std::size_t g = first == 0 ? 0 : first - 1; g < groups.size(); ++g) {
    RETURN_IF_ERROR(PaintGroup(groups[g], frame, rect));
  }
  return absl::OkStatus();
}

absl::Status Painter::PaintGroup(const DrawGroup& group,
                                 const Surface& frame,
                                 const IntRect& rect) {
  const IntRect seen = Intersect(rect, SeenBounds(group, whole_));
  const std::uint8_t opacity = ToByte(group.opacity);
  if (seen.empty() || opacity == 0) return absl::OkStatus();
  if (IsPlain(group)) return PaintDraws(group, frame, seen);
  const Placement placement = PlacementOf(group, whole_);
  const bool cut =
      group.circle_px || (group.clip && EvenInside(*group.clip) != EvenAround(*group.clip));
  if (opacity == 255 && placement.IsRest() && !cut) return PaintDraws(group, frame, seen);

  group_.Reset(whole_.w, whole_.h, group.background.has_value());
  const IntRect needed = SourceOf(seen, placement, whole_);
  // An opaque one holds no alphas: it is painted as a frame is.
  const Surface surface = group_.opaque ? Surface(group_.view()) : Surface(&group_, 0, 0);
  if (!group_.opaque) surface.Clear(needed);
  RETURN_IF_ERROR(PaintDraws(group, surface, needed));
  if (placement.IsEvenMove() && !cut) {
    frame.Blend(seen, group_, Round(group.dx), Round(group.dy), opacity);
    return absl::OkStatus();
  }
  Pyramid pyramid(group_);
  PlacePlanes(&pyramid, whole_, placement, seen, opacity < 255, &placed_);
  if (group.clip) CutToBox(&placed_, seen.x, seen.y, *group.clip);
  if (group.circle_px) {
    CutToCircle(&placed_, seen.x, seen.y, whole_.w / 2.0, whole_.h / 2.0, *group.circle_px);
  }
  frame.Blend(seen, placed_, seen.x, seen.y, opacity);
  return absl::OkStatus();
}

absl::Status Painter::PaintDraws(const DrawGroup& group,
                                 const Surface& surface,
                                 const IntRect& rect) {
  std::size_t first = group.draws.size();
  bool hidden = false;  // the background
  while (first > 0 && !hidden) {
    ASSIGN_OR_RETURN(hidden, layers_.Hides(group.draws[--first], rect));
  }
  if (!hidden && group.background) surface.Fill(rect, *group.background);
  for (std::size_t i = first; i < group.draws.size(); ++i) {
    RETURN_IF_ERROR(layers_.Paint(group.draws[i], surface, rect));
  }
  return absl::OkStatus();
}

}  // namespace rn
