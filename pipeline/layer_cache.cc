#include "pipeline/layer_cache.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "proto/item_error.h"

namespace rn {
namespace {

int Round(double x) {
  return static_cast<int>(std::lround(x));
}

std::uint8_t ToByte(double opacity) {
  return static_cast<std::uint8_t>(std::lround(opacity * 255));
}

// The smallest rectangle of whole chroma samples around it.
IntRect EvenAround(const IntRect& rect) {
  const int x = rect.x & ~1;
  const int y = rect.y & ~1;
  return {x, y, ((rect.right() + 1) & ~1) - x, ((rect.bottom() + 1) & ~1) - y};
}

bool Moves(const Element& element) {
  const auto* image = std::get_if<ImageContent>(&element.content);
  return image != nullptr && image->moves;
}

bool Contains(const IntRect& outer, const IntRect& inner) {
  return Intersect(outer, inner) == inner;
}

}  // namespace

absl::StatusOr<LayerCache::Entry> LayerCache::Prepare(const Draw& draw) {
  const Element& element = scene_.elements()[static_cast<std::size_t>(draw.element)];
  if (Moves(element)) {
    ASSIGN_OR_RETURN(MovingPicture picture, MovingPicture::Load(element));
    const std::size_t bytes = picture.bytes();
    return Entry{std::move(picture), frame_, bytes};
  }
  ASSIGN_OR_RETURN(Layer layer, Layer::Rasterise(element, draw.page, draw.active_word));
  Note(element, layer.warnings());
  const std::size_t bytes = layer.bytes();
  return Entry{std::move(layer), frame_, bytes};
}

absl::StatusOr<LayerCache::Entry*> LayerCache::Find(const Draw& draw) {
  const Key key{draw.element, draw.page, draw.active_word};
  if (const auto found = entries_.find(key); found != entries_.end()) {
    found->second.used = frame_;
    return &found->second;
  }
  absl::StatusOr<Entry> prepared = Prepare(draw);
  if (!prepared.ok()) {
    return WithItemError(
        Annotate(prepared.status(),
                 scene_.elements()[static_cast<std::size_t>(draw.element)].pointer),
        rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  }
  bytes_ += prepared->bytes;
  MakeRoom();
  Entry& entry = entries_.emplace(key, *std::move(prepared)).first->second;
  rest_[key] =
      std::visit([](const auto& content) { return content.BoundsAt(0, 0); }, entry.content);
  return &entry;
}

void LayerCache::MakeRoom() {
  while (bytes_ > kBytesMax) {
    const auto oldest =
        std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
          return a.second.used < b.second.used;
        });
    if (oldest == entries_.end() || oldest->second.used == frame_) {
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

absl::StatusOr<IntRect> LayerCache::BoundsOf(const Draw& draw) {
  const Key key{draw.element, draw.page, draw.active_word};
  auto rest = rest_.find(key);
  if (rest == rest_.end()) {
    RETURN_IF_ERROR(Find(draw).status());
    rest = rest_.find(key);
  }
  IntRect bounds = rest->second;
  if (draw.dx != 0 || draw.dy != 0) {
    bounds.x += Round(draw.dx);
    bounds.y += Round(draw.dy);
    if (Moves(scene_.elements()[static_cast<std::size_t>(draw.element)])) {
      ASSIGN_OR_RETURN(const Entry* entry, Find(draw));
      bounds = std::get<MovingPicture>(entry->content).BoundsAt(Round(draw.dx), Round(draw.dy));
    }
  }
  return Intersect(EvenAround(bounds), {0, 0, scene_.width(), scene_.height()});
}

absl::StatusOr<bool> LayerCache::Hides(const Draw& draw, const IntRect& rect) {
  if (draw.opacity < 1) return false;
  ASSIGN_OR_RETURN(const IntRect bounds, BoundsOf(draw));
  if (!Contains(bounds, rect)) return false;
  ASSIGN_OR_RETURN(const Entry* entry, Find(draw));
  // An odd shift would leave a rim of half-covered chroma.
  const bool even = (Round(draw.dx) & 1) == 0 && (Round(draw.dy) & 1) == 0;
  return even && std::visit([](const auto& content) { return content.opaque(); }, entry->content);
}

absl::Status LayerCache::Paint(const Draw& draw, const Nv12View& frame, const IntRect& rect) {
  ASSIGN_OR_RETURN(Entry * entry, Find(draw));
  const int dx = Round(draw.dx);
  const int dy = Round(draw.dy);
  if (auto* picture = std::get_if<MovingPicture>(&entry->content)) {
    picture->Paint(frame, rect, draw.window, dx, dy, ToByte(draw.opacity));
  } else {
    std::get<Layer>(entry->content).Paint(frame, rect, dx, dy, ToByte(draw.opacity));
  }
  return absl::OkStatus();
}

}  // namespace rn
