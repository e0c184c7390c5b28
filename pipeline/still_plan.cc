#include "pipeline/still_plan.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace rn {
namespace {

constexpr double kTravelsPx = 0.25;

// How far, at the most, a point of the element's content moves between the two, in output pixels.
double Distance(const Element& element, const Draw& from, const Draw& to) {
  const Box& box = element.box;
  const double moved = std::hypot(to.dx - from.dx, to.dy - from.dy);
  const double scaled = std::max(std::abs(to.scale_x - from.scale_x) * box.w,
                                 std::abs(to.scale_y - from.scale_y) * box.h) /
                        2;
  const double turned = std::abs(to.rotation_deg - from.rotation_deg) * std::numbers::pi / 180 *
                        std::hypot(box.w, box.h) / 2;
  const SourceWindow& a = from.window;
  const SourceWindow& b = to.window;
  const double across = std::max(std::abs(b.x - a.x), std::abs(b.x + b.w - a.x - a.w));
  const double down = std::max(std::abs(b.y - a.y), std::abs(b.y + b.h - a.y - a.h));
  const double panned =
      std::max(across / std::max(b.w, 1e-6) * box.w, down / std::max(b.h, 1e-6) * box.h);
  return moved + scaled + turned + panned;
}

// Output pixels, those under others counted as well.
double TravellingPixels(const Scene& scene,
                        const std::vector<Draw>& before,
                        const std::vector<Draw>& now) {
  double pixels = 0;
  for (const Draw& draw : now) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const Draw& other) {
      return other.element == draw.element;
    });
    if (same == before.end() || *same == draw) continue;
    const Element& element = scene.elements()[static_cast<std::size_t>(draw.element)];
    if (same->media_s != draw.media_s || Distance(element, *same, draw) > kTravelsPx) {
      pixels += element.box.w * element.box.h;
    } else {
      pixels += TravellingPixels(scene, same->children, draw.children);
    }
  }
  return pixels;
}

// Groups pair by place: on the first frame after one came or went, that is a guess.
float Travelling(const Scene& scene, const DrawList& before, const DrawList& now) {
  double pixels = 0;
  for (std::size_t i = 0; i < std::min(before.size(), now.size()); ++i) {
    pixels += TravellingPixels(scene, before[i].draws, now[i].draws);
  }
  return static_cast<float>(std::min(pixels / scene.width() / scene.height(), 1.0));
}

}  // namespace

StillPlan::StillPlan(const Scene& scene) : frames_(scene.frame_count()) {
  DrawList before;
  for (std::int64_t n = 0; n < frames_; ++n) {
    DrawList now = scene.DrawListAt(n);
    if (n == 0 || now != before) {
      pictures_.push_back(n);
      travels_.push_back(Travelling(scene, before, now));
      before = std::move(now);
    }
  }
}

double StillPlan::repeats() const {
  if (frames_ == 0) return 0;
  return 1 - static_cast<double>(pictures_.size()) / static_cast<double>(frames_);
}

std::int64_t StillPlan::StandsFrom(std::int64_t n) const {
  const auto next = std::upper_bound(pictures_.begin(), pictures_.end(), n);
  return (next == pictures_.end() ? frames_ : *next) - n;
}

std::int64_t StillPlan::PicturesAfter(std::int64_t n) const {
  return pictures_.end() - std::upper_bound(pictures_.begin(), pictures_.end(), n);
}

double StillPlan::Travels(std::int64_t n) const {
  const auto at = std::lower_bound(pictures_.begin(), pictures_.end(), n);
  if (at == pictures_.end() || *at != n) return 0;
  return travels_[static_cast<std::size_t>(at - pictures_.begin())];
}

}  // namespace rn
