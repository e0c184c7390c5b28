#include "pipeline/text.h"

#include <fontconfig/fontconfig.h>

#include <algorithm>
#include <cstddef>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/nearest.h"
#include "base/status.h"
#include "pipeline/text_layout.h"
#include "pipeline/text_paint.h"
#include "template/unicode.h"

namespace rn {
namespace {

// Sorted, without repeats; read once, as fontconfig's own cache is.
const std::vector<std::string>& Families() {
  static const std::vector<std::string> families = [] {
    const std::unique_ptr<FcPattern, decltype(&FcPatternDestroy)> all(FcPatternCreate(),
                                                                      &FcPatternDestroy);
    const std::unique_ptr<FcObjectSet, decltype(&FcObjectSetDestroy)> wanted(
        FcObjectSetBuild(FC_FAMILY, nullptr), &FcObjectSetDestroy);
    const std::unique_ptr<FcFontSet, decltype(&FcFontSetDestroy)> fonts(
        FcFontList(nullptr, all.get(), wanted.get()), &FcFontSetDestroy);
    std::vector<std::string> names;
    for (int i = 0; i < fonts->nfont; ++i) {
      FcChar8* family = nullptr;
      // A font lists its family once per language.
      for (int n = 0; FcPatternGetString(fonts->fonts[i], FC_FAMILY, n, &family) == FcResultMatch;
           ++n) {
        names.emplace_back(reinterpret_cast<const char*>(family));
      }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }();
  return families;
}

// The same letters in their places, with lines under and through the first `end` bytes alone.
TextSpec LinedUpTo(const TextSpec& spec, std::size_t end) {
  TextSpec result = spec;
  result.ranges.clear();
  for (const TextRange& range : spec.ranges) {
    TextRange typed = range;
    typed.end = std::min(range.end, end);
    TextRange rest = range;
    rest.begin = std::max(range.begin, end);
    rest.underline = rest.strikethrough = false;
    for (const TextRange& part : {typed, rest}) {
      if (part.begin < part.end) result.ranges.push_back(part);
    }
  }
  return result;
}

}  // namespace

const std::vector<std::string>& InstalledFontFamilies() {
  return Families();
}

bool FontFamilyInstalled(const std::string& family) {
  const std::string wanted = absl::AsciiStrToLower(family);
  return std::any_of(Families().begin(), Families().end(), [&](const std::string& name) {
    return absl::AsciiStrToLower(name) == wanted;
  });
}

std::string UnknownFontFamily(const std::string& family) {
  constexpr std::size_t kShownMax = 10;
  std::vector<std::string> others = Families();
  std::vector<std::string> shown;
  while (shown.size() < kShownMax) {
    const auto nearest = Nearest(family, others);
    if (!nearest.has_value()) break;
    shown.push_back(*nearest);
    others.erase(std::find(others.begin(), others.end(), *nearest));
  }
  // Then those with the shortest names: "Noto Sans" helps more people than "Noto Sans Anatolian …".
  std::stable_sort(others.begin(), others.end(), [](const std::string& a, const std::string& b) {
    return a.size() < b.size();
  });
  const std::size_t fill = std::min(others.size(), kShownMax - shown.size());
  shown.insert(shown.end(), others.begin(), others.begin() + static_cast<std::ptrdiff_t>(fill));
  std::string message = UnknownName("font family", family, shown);
  if (others.size() > fill) {
    absl::StrAppend(&message, " and ", others.size() - fill, " more (fc-list : family)");
  }
  return message;
}

absl::StatusOr<RasterText> RasteriseText(const TextSpec& spec, int characters) {
  RETURN_IF_ERROR(CheckText(spec));
  if (characters < 0) return PaintText(SetInBox(spec), {{.begin = 0, .end = spec.text.size()}});
  const std::vector<std::size_t> ends = GraphemeEnds(spec.text);
  const auto shown = std::min(static_cast<std::size_t>(characters), ends.size());
  const std::size_t end = shown == 0 ? 0 : ends[shown - 1];
  const bool lined = std::any_of(spec.ranges.begin(), spec.ranges.end(), [](const auto& range) {
    return range.underline || range.strikethrough;
  });
  if (!lined) return PaintText(SetInBox(spec), {{.begin = 0, .end = end}});
  return PaintText(SetInBox(LinedUpTo(spec, end)), {{.begin = 0, .end = end}});
}

}  // namespace rn
