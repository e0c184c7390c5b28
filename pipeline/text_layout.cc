#include "pipeline/text_layout.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <list>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kTextBytesMax = 20'000;
constexpr double kFitStepPx = 0.5;  // Finer steps than this nobody sees.

struct FontOptionsDeleter {
  void operator()(cairo_font_options_t* options) const { cairo_font_options_destroy(options); }
};

// One context a thread: opening fonts and reading fontconfig's cache costs more than any text.
PangoContext* ThreadContext() {
  thread_local const std::unique_ptr<PangoContext, GObjectDeleter> context = [] {
    PangoFontMap* fonts = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    PangoContext* created = pango_font_map_create_context(fonts);
    g_object_unref(fonts);  // The context keeps it.
    const std::unique_ptr<cairo_font_options_t, FontOptionsDeleter> options(
        cairo_font_options_create());
    // Unhinted outlines are the same on every machine and scale without jumps.
    cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
    pango_cairo_context_set_font_options(created, options.get());
    pango_cairo_context_set_resolution(created, 72);  // One point is one pixel.
    pango_context_set_round_glyph_positions(created, FALSE);
    return std::unique_ptr<PangoContext, GObjectDeleter>(created);
  }();
  return context.get();
}

// Owns the attribute.
void Insert(PangoAttrList* list, PangoAttribute* attribute, const TextRange& range) {
  attribute->start_index = static_cast<guint>(range.begin);
  attribute->end_index = static_cast<guint>(range.end);
  pango_attr_list_insert(list, attribute);
}

guint16 Wide(std::uint8_t value) {
  return static_cast<guint16>(value * 257);
}

bool RunsRightToLeft(PangoLayout* layout) {
  return pango_layout_get_direction(layout, 0) == PANGO_DIRECTION_RTL;
}

// Start and end as the left and right that they are for this text.
HorizontalAlign SideOf(PangoLayout* layout, HorizontalAlign align) {
  const bool rtl = RunsRightToLeft(layout);
  if (align == HorizontalAlign::kStart) {
    return rtl ? HorizontalAlign::kRight : HorizontalAlign::kLeft;
  }
  if (align == HorizontalAlign::kEnd) {
    return rtl ? HorizontalAlign::kLeft : HorizontalAlign::kRight;
  }
  return align;
}

bool Holds(const std::string& text, gunichar first, gunichar last) {
  for (const char* at = text.c_str(); *at != '\0'; at = g_utf8_next_char(at)) {
    const gunichar c = g_utf8_get_char(at);
    if (c >= first && c <= last) return true;
  }
  return false;
}

// Han characters look different in each language that uses them. Where none is given, kana tell
// Japanese, syllables Korean.
const char* HanRegion(const TextSpec& spec) {
  const std::string& language = spec.style.language;
  if (absl::StartsWith(language, "ja")) return "JP";
  if (absl::StartsWith(language, "ko")) return "KR";
  if (absl::StartsWith(language, "zh")) {
    if (absl::StrContains(language, "HK")) return "HK";
    const bool traditional =
        absl::StrContains(language, "Hant") || absl::StrContains(language, "TW");
    return traditional ? "TC" : "SC";
  }
  if (Holds(spec.text, 0x3040, 0x30FF)) return "JP";
  return Holds(spec.text, 0xAC00, 0xD7AF) ? "KR" : "SC";
}

// What a family lacks comes from these, in this order, on every machine; without them fontconfig
// would take whatever else is installed.
std::string WithFallbacks(const std::string& family, const char* han_region) {
  const bool serif = absl::StrContains(family, "Serif");
  const char* const sans_or_serif = serif ? "Serif" : "Sans";
  return absl::StrCat(family,
                      ",Noto ",
                      sans_or_serif,
                      ",Noto ",
                      serif ? "Naskh" : "Sans",
                      " Arabic,Noto ",
                      sans_or_serif,
                      " Hebrew,Noto ",
                      sans_or_serif,
                      " CJK ",
                      han_region);
}

PangoAlignment AlignmentOf(PangoLayout* layout, const TextSpec& spec) {
  // Pango swaps left and right in right-to-left text; here they are the screen's.
  const bool rtl = RunsRightToLeft(layout);
  switch (SideOf(layout, spec.style.align)) {
    case HorizontalAlign::kLeft:
      return rtl ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT;
    case HorizontalAlign::kRight:
      return rtl ? PANGO_ALIGN_LEFT : PANGO_ALIGN_RIGHT;
    case HorizontalAlign::kCenter:
    case HorizontalAlign::kStart:
    case HorizontalAlign::kEnd:
      break;
  }
  return PANGO_ALIGN_CENTER;
}

PangoAttribute* LineHeight(double height_px) {
  return pango_attr_line_height_new_absolute(static_cast<int>(height_px * PANGO_SCALE));
}

void InsertStyle(const TextStyle& style, double font_size_px, PangoAttrList* list) {
  const TextRange all{PANGO_ATTR_INDEX_FROM_TEXT_BEGINNING, PANGO_ATTR_INDEX_TO_TEXT_END};
  // As in CSS: the same distance whatever font a line falls back to.
  Insert(list, LineHeight(font_size_px * style.line_height), all);
  const double spacing = style.letter_spacing_px + style.letter_spacing_em * font_size_px;
  if (spacing != 0) {
    Insert(list, pango_attr_letter_spacing_new(static_cast<int>(spacing * PANGO_SCALE)), all);
  }
  if (!style.language.empty()) {
    PangoLanguage* language = pango_language_from_string(style.language.c_str());
    Insert(list, pango_attr_language_new(language), all);
  }
}

void InsertRange(const TextRange& range,
                 double line_height_px,
                 const char* han_region,
                 PangoAttrList* list) {
  if (range.font_family.has_value()) {
    const std::string families = WithFallbacks(*range.font_family, han_region);
    Insert(list, pango_attr_family_new(families.c_str()), range);
  }
  if (range.font_weight.has_value()) {
    Insert(list, pango_attr_weight_new(static_cast<PangoWeight>(*range.font_weight)), range);
  }
  if (range.italic.has_value()) {
    const PangoStyle style = *range.italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL;
    Insert(list, pango_attr_style_new(style), range);
  }
  if (range.size != 1) {
    Insert(list, pango_attr_scale_new(range.size), range);
    // Small letters leave the line as it is; large ones need the room.
    Insert(list, LineHeight(line_height_px * std::max(1.0, range.size)), range);
  }
  if (range.underline) Insert(list, pango_attr_underline_new(PANGO_UNDERLINE_SINGLE), range);
  if (range.strikethrough) Insert(list, pango_attr_strikethrough_new(TRUE), range);
  if (range.fill.has_value()) {
    const Rgba& c = *range.fill;
    Insert(list, pango_attr_foreground_new(Wide(c.r), Wide(c.g), Wide(c.b)), range);
    // Zero would read as "not set".
    Insert(list, pango_attr_foreground_alpha_new(std::max<guint16>(1, Wide(c.a))), range);
  }
}

bool Fits(const TextSpec& spec, double size) {
  const UniqueLayout layout = LayOut(spec, size, Breaking::kWholeWords);
  int width = 0;
  int height = 0;
  pango_layout_get_size(layout.get(), &width, &height);
  return width <= spec.box_w * PANGO_SCALE && height <= spec.box_h * PANGO_SCALE;
}

}  // namespace

int OffsetOf(PangoLayout* layout, HorizontalAlign align, double free_px) {
  const HorizontalAlign side = SideOf(layout, align);
  if (side == HorizontalAlign::kLeft) return 0;
  return static_cast<int>(std::lround(side == HorizontalAlign::kRight ? free_px : free_px / 2));
}

absl::Status CheckText(const TextSpec& spec) {
  if (spec.text.size() > kTextBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "text of ", spec.text.size(), " bytes; the limit is ", kTextBytesMax, " bytes"));
  }
  const char* end = nullptr;
  if (g_utf8_validate(spec.text.data(), static_cast<gssize>(spec.text.size()), &end) == FALSE) {
    return absl::InvalidArgumentError(
        absl::StrCat("text is not UTF-8 at byte ", end - spec.text.data()));
  }
  if (!FontFamilyInstalled(spec.style.font_family)) {
    return absl::InvalidArgumentError(UnknownFontFamily(spec.style.font_family));
  }
  for (const TextRange& range : spec.ranges) {
    if (range.font_family.has_value() && !FontFamilyInstalled(*range.font_family)) {
      return absl::InvalidArgumentError(UnknownFontFamily(*range.font_family));
    }
  }
  return absl::OkStatus();
}

UniqueLayout LayOut(const TextSpec& spec, double font_size_px, Breaking breaking) {
  UniqueLayout layout(pango_layout_new(ThreadContext()));
  pango_layout_set_text(layout.get(), spec.text.data(), static_cast<int>(spec.text.size()));
  PangoFontDescription* font = pango_font_description_new();
  const char* const han_region = HanRegion(spec);
  pango_font_description_set_family(font,
                                    WithFallbacks(spec.style.font_family, han_region).c_str());
  pango_font_description_set_weight(font, static_cast<PangoWeight>(spec.style.font_weight));
  pango_font_description_set_style(font,
                                   spec.style.italic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL);
  pango_font_description_set_absolute_size(font, font_size_px * PANGO_SCALE);
  pango_layout_set_font_description(layout.get(), font);
  pango_font_description_free(font);
  pango_layout_set_width(layout.get(), static_cast<int>(spec.box_w * PANGO_SCALE));
  pango_layout_set_wrap(layout.get(),
                        breaking == Breaking::kWholeWords ? PANGO_WRAP_WORD : PANGO_WRAP_WORD_CHAR);
  pango_layout_set_alignment(layout.get(), AlignmentOf(layout.get(), spec));

  PangoAttrList* attributes = pango_attr_list_new();
  InsertStyle(spec.style, font_size_px, attributes);
  for (const TextRange& range : spec.ranges) {
    InsertRange(range, font_size_px * spec.style.line_height, han_region, attributes);
  }
  pango_layout_set_attributes(layout.get(), attributes);
  pango_attr_list_unref(attributes);
  return layout;
}

double FittingSize(const TextSpec& spec) {
  if (!spec.style.auto_fit) {
    return spec.style.font_size_px;
  }
  const double min = spec.style.font_size_min_px;
  int low = 0;  // Steps above the minimum; the minimum is used even where it does not fit.
  int high = static_cast<int>(std::max(0.0, spec.style.font_size_max_px - min) / kFitStepPx);
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (Fits(spec, min + middle * kFitStepPx)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return min + low * kFitStepPx;
}

double NarrowestWidth(const TextSpec& spec, double font_size_px) {
  const auto sticks_out = [](PangoLayout* layout, double width) {
    int widest = 0;
    pango_layout_get_size(layout, &widest, nullptr);
    return widest > width * PANGO_SCALE;
  };
  // A word that the whole box need not break stays whole.
  const UniqueLayout whole = LayOut(spec, font_size_px, Breaking::kWholeWords);
  const bool breaks = sticks_out(whole.get(), spec.box_w);
  const Breaking breaking = breaks ? Breaking::kAnywhere : Breaking::kWholeWords;
  const int count = pango_layout_get_line_count(LayOut(spec, font_size_px, breaking).get());
  if (count == 1) return spec.box_w;
  const auto holds = [&](double width) {
    TextSpec narrower = spec;
    narrower.box_w = width;
    const UniqueLayout layout = LayOut(narrower, font_size_px, breaking);
    return pango_layout_get_line_count(layout.get()) <= count &&
           (breaks || !sticks_out(layout.get(), width));
  };
  double low = spec.box_w / (count + 1);
  double high = spec.box_w;
  constexpr double kStepPx = 4;
  while (high - low > kStepPx) {
    const double middle = (low + high) / 2;
    (holds(middle) ? high : low) = middle;
  }
  return std::ceil(high);
}

const SetText& SetInBox(const TextSpec& spec) {
  constexpr std::size_t kKept = 8;
  struct Kept {
    TextSpec asked;
    SetText set;
  };
  thread_local std::list<Kept> kept;  // Latest first.
  const auto found =
      std::find_if(kept.begin(), kept.end(), [&](const Kept& text) { return text.asked == spec; });
  if (found != kept.end()) {
    kept.splice(kept.begin(), kept, found);
    return kept.front().set;
  }
  thread_local std::uint64_t sets = 0;
  SetText set;
  set.spec = spec;
  set.id = ++sets;
  set.font_size_px = FittingSize(spec);
  if (spec.style.balanced) set.spec.box_w = NarrowestWidth(spec, set.font_size_px);
  set.layout = LayOut(set.spec, set.font_size_px, Breaking::kAnywhere);
  set.shift_px = OffsetOf(set.layout.get(), spec.style.align, spec.box_w - set.spec.box_w);
  kept.push_front({spec, std::move(set)});
  if (kept.size() > kKept) kept.pop_back();
  return kept.front().set;
}

}  // namespace rn
