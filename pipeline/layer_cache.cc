#include "pipeline/layer_cache.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/blend_modes.h"
#include "pipeline/cover.h"
#include "pipeline/draw_geometry.h"
#include "pipeline/mask.h"
#include "pipeline/shadow.h"
#include "pipeline/shared_work.h"
#include "proto/item_error.h"

namespace rn {
namespace {

constexpr Box kAllOfIt{0, 0, 1, 1};

// Groups are painted as far beyond the frame as the frame is large: what comes in from there.
constexpr int kGroupFrames = 3;

bool IsGroup(const Element& element) {
  return std::holds_alternative<GroupContent>(element.content);
}

bool IsClip(const Element& element) {
  return std::holds_alternative<VideoContent>(element.content);
}

// Its pixels are made anew for every frame.
bool Moves(const Element& element) {
  if (IsClip(element)) return true;
  const auto* image = std::get_if<ImageContent>(&element.content);
  return image != nullptr && image->moves;
}

// Cut or shadowed: it looks other than what it is made of.
bool IsReshaped(const Element& element, const Draw& draw) {
  return element.mask || element.shadow || draw.reveal != kAllOfIt;
}

// Its content alone is not yet what it looks like at rest.
bool NeedsFinishing(const Element& element, const Draw& draw) {
  return IsGroup(element) || IsReshaped(element, draw);
}

bool Contains(const IntRect& outer, const IntRect& inner) {
  return Intersect(outer, inner) == inner;
}

Box RevealBox(const Element& element, const Draw& draw) {
  const Box& box = element.box;
  return {box.x + draw.reveal.x * box.w,
          box.y + draw.reveal.y * box.h,
          draw.reveal.w * box.w,
          draw.reveal.h * box.h};
}

// Without what is done to it once it is painted.
Draw AtRest(const Draw& draw) {
  Draw rest = draw;
  rest.dx = rest.dy = rest.rotation_deg = 0;
  rest.scale_x = rest.scale_y = rest.opacity = 1;
  return rest;
}

absl::Status InElement(const absl::Status& status, const Element& element) {
  return WithItemError(Annotate(status, element.pointer),
                       rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
}

}  // namespace

// ------------------------------------------------------------------- what is kept
LayerCache::Key LayerCache::KeyOf(const Draw& draw, Stage stage) {
  return {draw.element, stage, draw.page, draw.active_word, draw.characters, draw.word_phase};
}

// A page of captions, or a word of it half spoken, does not come back: time goes on. There may be
// one for every frame. The last page's bounds stay, frames that hold it are still about.
void LayerCache::DropPassed(const Key& key) {
  if (key.page < 0) return;
  const Key first{key.element, key.stage};
  for (auto entry = entries_.lower_bound(first); entry != entries_.end() &&
                                                 entry->first.element == key.element &&
                                                 entry->first.stage == key.stage;) {
    const auto next = std::next(entry);
    if (entry->second.used + 1 < time_) {
      bytes_ -= entry->second.bytes;
      entries_.erase(entry);
    }
    entry = next;
  }
  rest_.erase(rest_.lower_bound(first),
              rest_.lower_bound(Key{key.element, key.stage, std::max(-1, key.page - 1)}));
}

LayerCache::Entry& LayerCache::Keep(const Key& key, Held content, Draw of) {
  DropPassed(key);
  const std::size_t bytes = std::visit([](const auto& it) { return it.bytes(); }, content);
  if (const auto old = entries_.find(key); old != entries_.end()) {
    bytes_ -= old->second.bytes;
    entries_.erase(old);
  }
  bytes_ += bytes;
  MakeRoom();
  return entries_.emplace(key, Entry{std::move(content), std::move(of), time_, bytes})
      .first->second;
}

void LayerCache::MakeRoom() {
  while (bytes_ > kBytesMax) {
    const auto oldest =
        std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
          return a.second.used < b.second.used;
        });
    if (oldest == entries_.end() || oldest->second.used == time_) {
      return;
    }
    bytes_ -= oldest->second.bytes;
    entries_.erase(oldest);
  }
}

void LayerCache::Note(const Element& element, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    std::string text = absl::StrCat(warning, " in ", element.pointer);
    if (std::find(warnings_.begin(), warnings_.end(), text) == warnings_.end()) {
      warnings_.push_back(std::move(text));
    }
  }
}

LayerCache::Entry* LayerCache::Find(const Key& key, const Draw& of) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.of != of) return nullptr;
  found->second.used = time_;
  return &found->second;
}

absl::StatusOr<LayerCache::Entry*> LayerCache::Content(const Draw& draw) {
  const Key key = KeyOf(draw, Stage::kContent);
  if (Entry* const found = Find(key)) return found;
  const Element& element = ElementOf(draw);
  Entry* entry = nullptr;
  if (IsClip(element)) {
    auto clip = ClipPicture::Open(std::get<VideoContent>(element.content), element.box);
    if (!clip.ok()) return InElement(clip.status(), element);
    entry = &Keep(key, *std::move(clip));
  } else if (Moves(element)) {
    auto picture = shared_ ? shared_->LoadPicture(element) : MovingPicture::Load(element);
    if (!picture.ok()) return InElement(picture.status(), element);
    entry = &Keep(key, *std::move(picture));
  } else {
    auto layer = shared_ ? shared_->RasteriseLayer(element, draw) : Layer::Rasterise(element, draw);
    if (!layer.ok()) return InElement(layer.status(), element);
    Note(element, layer->warnings());
    entry = &Keep(key, *std::move(layer));
  }
  rest_[key] = std::visit([](const auto& it) { return it.bounds(); }, entry->content);
  return entry;
}

absl::StatusOr<Layer*> LayerCache::Mask(const Element& element, int index) {
  const Key key{index, Stage::kMask};
  if (Entry* const found = Find(key)) return &std::get<Layer>(found->content);
  auto mask = RasteriseMask(*element.mask, element.box);
  if (!mask.ok()) return InElement(mask.status(), element);
  return &std::get<Layer>(Keep(key, *std::move(mask)).content);
}

// ------------------------------------------------------------------- mask, reveal, shadow
absl::StatusOr<Layer*> LayerCache::Finished(const Draw& draw) {
  const Key key = KeyOf(draw, Stage::kFinished);
  Draw rest = AtRest(draw);
  if (Entry* const found = Find(key, rest)) return &std::get<Layer>(found->content);
  ASSIGN_OR_RETURN(Layer layer, Finish(draw));
  return &std::get<Layer>(Keep(key, std::move(layer), std::move(rest)).content);
}

absl::StatusOr<Layer> LayerCache::Finish(const Draw& draw) {
  const Element& element = ElementOf(draw);
  ASSIGN_OR_RETURN(IntRect bounds, RevealedBounds(draw));
  Planes planes;
  planes.Reset(bounds.w, bounds.h, /*new_opaque=*/false);
  const Surface surface(&planes, bounds.x, bounds.y);
  surface.Clear(bounds);
  RETURN_IF_ERROR(PaintContent(draw, surface, bounds));
  if (element.mask) {
    ASSIGN_OR_RETURN(const Layer* mask, Mask(element, draw.element));
    CutToMask(&planes,
              bounds.x,
              bounds.y,
              mask->planes(),
              mask->bounds().x,
              mask->bounds().y,
              element.mask->inverted);
  }
  if (draw.reveal != kAllOfIt) {
    CutToBox(&planes, bounds.x, bounds.y, RevealBox(element, draw));
  }
  if (element.shadow && !bounds.empty()) {
    bool moves_opaque = false;
    if (Moves(element)) {
      ASSIGN_OR_RETURN(const Entry* content, Content(draw));
      moves_opaque = std::visit([](const auto& it) { return it.opaque(); }, content->content);
    }
    planes = Shadowed(draw, planes, bounds, moves_opaque);
    bounds = WithShadowBounds(bounds, *element.shadow);
  }
  return Layer(std::move(planes), bounds.x, bounds.y);
}

// `keeps_shape`: whatever moves in it, what casts the shadow is the same from frame to frame.
Planes LayerCache::Shadowed(const Draw& draw,
                            const Planes& planes,
                            const IntRect& bounds,
                            bool keeps_shape) {
  const Shadow& shadow = *ElementOf(draw).shadow;
  if (!keeps_shape) return WithShadow(planes, bounds, shadow);
  const Key key{draw.element, Stage::kShadow};
  Draw shape = AtRest(draw);
  shape.window = kAllOfIt;
  shape.media_s = 0;
  const IntRect around = WithShadowBounds(bounds, shadow);
  const Entry* entry = Find(key, shape);
  if (entry == nullptr) {
    Layer alone(PaintShadow(planes, bounds, shadow), around.x, around.y);
    entry = &Keep(key, std::move(alone), std::move(shape));
  }
  Planes shadowed = std::get<Layer>(entry->content).planes();
  Surface(&shadowed, around.x, around.y).Blend(around, planes, bounds.x, bounds.y, 255);
  return shadowed;
}

absl::Status LayerCache::PaintContent(const Draw& draw,
                                      const Surface& surface,
                                      const IntRect& rect) {
  if (IsGroup(ElementOf(draw))) {
    for (const Draw& child : draw.children) RETURN_IF_ERROR(Paint(child, surface, rect));
    return absl::OkStatus();
  }
  if (Moves(ElementOf(draw))) return PaintMoving(draw, surface, rect, 0, 0, 255);
  ASSIGN_OR_RETURN(Entry * entry, Content(draw));
  const Layer& layer = std::get<Layer>(entry->content);
  surface.Blend(rect, layer.planes(), layer.bounds().x, layer.bounds().y, 255);
  return absl::OkStatus();
}

absl::Status LayerCache::PaintMoving(const Draw& draw,
                                     const Surface& surface,
                                     const IntRect& rect,
                                     int dx,
                                     int dy,
                                     std::uint8_t opacity) {
  ASSIGN_OR_RETURN(Entry * entry, Content(draw));
  if (auto* clip = std::get_if<ClipPicture>(&entry->content)) {
    return InElement(clip->Paint(surface, rect, draw.media_s, dx, dy, opacity), ElementOf(draw));
  }
  std::get<MovingPicture>(entry->content).Paint(surface, rect, draw.window, dx, dy, opacity);
  return absl::OkStatus();
}

// ------------------------------------------------------------------- where
absl::StatusOr<IntRect> LayerCache::ChildrenBounds(const Draw& draw) {
  IntRect bounds;
  for (const Draw& child : draw.children) {
    ASSIGN_OR_RETURN(const IntRect around, BoundsOf(child));
    bounds = Bounds(bounds, around);
  }
  constexpr int kBeyond = kGroupFrames / 2;
  return Intersect(
      bounds,
      {-kBeyond * frame_.w, -kBeyond * frame_.h, kGroupFrames * frame_.w, kGroupFrames * frame_.h});
}

absl::StatusOr<IntRect> LayerCache::ContentBounds(const Draw& draw) {
  if (IsGroup(ElementOf(draw))) return ChildrenBounds(draw);
  const Key key = KeyOf(draw, Stage::kContent);
  if (const auto rest = rest_.find(key); rest != rest_.end()) return rest->second;
  RETURN_IF_ERROR(Content(draw).status());
  return rest_[key];
}

absl::StatusOr<IntRect> LayerCache::RevealedBounds(const Draw& draw) {
  ASSIGN_OR_RETURN(const IntRect bounds, ContentBounds(draw));
  if (draw.reveal == kAllOfIt) return bounds;
  return Intersect(bounds, EvenAround(RevealBox(ElementOf(draw), draw)));
}

absl::StatusOr<IntRect> LayerCache::RestBounds(const Draw& draw) {
  const std::optional<Shadow>& shadow = ElementOf(draw).shadow;
  ASSIGN_OR_RETURN(const IntRect bounds, RevealedBounds(draw));
  return shadow && !bounds.empty() ? WithShadowBounds(bounds, *shadow) : bounds;
}

absl::StatusOr<IntRect> LayerCache::BoundsOf(const Draw& draw) {
  ASSIGN_OR_RETURN(const IntRect rest, RestBounds(draw));
  return rest.empty() ? IntRect{} : PlacedBounds(rest, PlacementOf(draw, ElementOf(draw)));
}

absl::StatusOr<bool> LayerCache::Hides(const Draw& draw, const IntRect& rect) {
  const Element& element = ElementOf(draw);
  if (draw.opacity < 1 || element.blend != BlendMode::kNormal || NeedsFinishing(element, draw)) {
    return false;
  }
  ASSIGN_OR_RETURN(const IntRect rest, RestBounds(draw));
  if (!Contains(PlacedInside(rest, PlacementOf(draw, element)), rect)) return false;
  ASSIGN_OR_RETURN(const Entry* entry, Content(draw));
  return std::visit([](const auto& content) { return content.opaque(); }, entry->content);
}

IntRect LayerCache::RevealedBy(const Draw& draw) const {
  const Element& element = ElementOf(draw);
  if (draw.reveal == kAllOfIt || element.mask || element.shadow || IsGroup(element) ||
      !PlacementOf(draw, element).IsRest()) {
    return {};
  }
  return EvenInside(RevealBox(element, draw));
}

// ------------------------------------------------------------------- painting
// Inside what is revealed in full as if there were nothing to reveal; at its edges cut.
absl::Status LayerCache::PaintRevealed(const Draw& draw,
                                       const Surface& surface,
                                       const IntRect& rect,
                                       std::uint8_t opacity) {
  const IntRect whole = RevealedBy(draw);
  Draw all = draw;
  all.reveal = kAllOfIt;
  RETURN_IF_ERROR(Paint(all, surface, Intersect(rect, whole)));
  const Box box = RevealBox(ElementOf(draw), draw);
  ASSIGN_OR_RETURN(const IntRect bounds, BoundsOf(draw));
  for (const IntRect& strip : Around(rect, whole)) {
    const IntRect part = Intersect(strip, bounds);
    if (part.empty()) continue;
    Planes planes;
    planes.Reset(part.w, part.h, /*new_opaque=*/false);
    const Surface edge(&planes, part.x, part.y);
    edge.Clear(part);
    RETURN_IF_ERROR(PaintContent(draw, edge, part));
    CutToBox(&planes, part.x, part.y, box);
    surface.Blend(part, planes, part.x, part.y, opacity);
  }
  return absl::OkStatus();
}

bool LayerCache::IsPlainGroup(const Draw& draw, std::vector<Draw>* children) const {
  const Element& element = ElementOf(draw);
  if (!IsGroup(element) || IsReshaped(element, draw) || draw.opacity < 1 ||
      element.blend != BlendMode::kNormal || PlacementOf(draw, element).Transforms()) {
    return false;
  }
  *children = draw.children;
  for (Draw& child : *children) {
    child.dx += draw.dx;
    child.dy += draw.dy;
  }
  return true;
}

absl::Status LayerCache::Paint(const Draw& draw, const Surface& surface, const IntRect& rect) {
  if (std::vector<Draw> children; IsPlainGroup(draw, &children)) {
    for (const Draw& child : children) RETURN_IF_ERROR(Paint(child, surface, rect));
    return absl::OkStatus();
  }
  const Element& element = ElementOf(draw);
  const Placement placement = PlacementOf(draw, element);
  ASSIGN_OR_RETURN(const IntRect bounds, BoundsOf(draw));
  const IntRect area = Intersect(Intersect(rect, bounds), surface.bounds());
  const std::uint8_t opacity = ToByte(draw.opacity);
  if (area.empty() || opacity == 0) return absl::OkStatus();
  const bool finish = NeedsFinishing(element, draw);
  const bool normal = element.blend == BlendMode::kNormal;
  if (normal && placement.IsRest() && !RevealedBy(draw).empty()) {
    return PaintRevealed(draw, surface, area, opacity);
  }
  if (Moves(element) && !finish && normal && placement.IsEvenMove()) {
    return PaintMoving(draw, surface, area, Round(draw.dx), Round(draw.dy), opacity);
  }
  Layer* layer = nullptr;
  if (finish || Moves(element)) {
    ASSIGN_OR_RETURN(layer, Finished(draw));
  } else {
    ASSIGN_OR_RETURN(Entry * entry, Content(draw));
    layer = &std::get<Layer>(entry->content);
  }
  PlanesView planes(layer->planes());
  IntRect at = layer->bounds();
  if (placement.IsEvenMove()) {
    at.x += Round(draw.dx);
    at.y += Round(draw.dy);
  } else {
    PlacePlanes(&layer->pyramid(), layer->bounds(), placement, area, opacity < 255, &placed_);
    planes = PlanesView(placed_);
    at = area;
  }
  if (normal) {
    surface.Blend(area, planes, at.x, at.y, opacity);
  } else {
    BlendWithMode(element.blend, surface, area, planes, at.x, at.y, opacity);
  }
  return absl::OkStatus();
}

}  // namespace rn
