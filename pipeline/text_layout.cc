#include "pipeline/text_layout.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kTextBytesMax = 20'000;
constexpr int kRasterSideMax = 16'384;
constexpr double kFitStepPx = 0.5;  // Finer steps than this nobody sees.

struct CairoDeleter {
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_font_options_t* options) const { cairo_font_options_destroy(options); }
};
using UniqueCairo = std::unique_ptr<cairo_t, CairoDeleter>;
using UniqueSurface = std::unique_ptr<cairo_surface_t, CairoDeleter>;

// One context a thread: opening fonts and reading fontconfig's cache costs more than any text.
PangoContext* ThreadContext() {
  thread_local const std::unique_ptr<PangoContext, GObjectDeleter> context = [] {
    PangoFontMap* fonts = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    PangoContext* created = pango_font_map_create_context(fonts);
    g_object_unref(fonts);  // The context keeps it.
    const std::unique_ptr<cairo_font_options_t, CairoDeleter> options(cairo_font_options_create());
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

void Insert(PangoAttrList* list, PangoAttribute* attribute, std::optional<ColoredRange> range) {
  if (range.has_value()) {
    attribute->start_index = static_cast<guint>(range->begin);
    attribute->end_index = static_cast<guint>(range->end);
  }
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

// What a family lacks comes from these, in this order, on every machine; without them fontconfig
// would take whatever else is installed. Han characters look different in each language that uses
// them: kana tell Japanese, syllables Korean.
std::string WithFallbacks(const TextSpec& spec) {
  const char* const region = Holds(spec.text, 0x3040, 0x30FF)   ? "JP"
                             : Holds(spec.text, 0xAC00, 0xD7AF) ? "KR"
                                                                : "SC";
  const bool serif = absl::StrContains(spec.style.font_family, "Serif");
  const char* const sans_or_serif = serif ? "Serif" : "Sans";
  return absl::StrCat(spec.style.font_family,
                      ",Noto ",
                      sans_or_serif,
                      ",Noto ",
                      serif ? "Naskh" : "Sans",
                      " Arabic,Noto ",
                      sans_or_serif,
                      " Hebrew,Noto ",
                      sans_or_serif,
                      " CJK ",
                      region);
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

bool Fits(const TextSpec& spec, double size) {
  const UniqueLayout layout = LayOut(spec, size, Breaking::kWholeWords);
  int width = 0;
  int height = 0;
  pango_layout_get_size(layout.get(), &width, &height);
  return width <= spec.box_w * PANGO_SCALE && height <= spec.box_h * PANGO_SCALE;
}

std::vector<std::string> MissingGlyphs(PangoLayout* layout) {
  std::set<guint32> missing;
  PangoLayoutIter* iterator = pango_layout_get_iter(layout);
  do {
    const PangoLayoutRun* run = pango_layout_iter_get_run_readonly(iterator);
    for (int i = 0; run != nullptr && i < run->glyphs->num_glyphs; ++i) {
      const PangoGlyph glyph = run->glyphs->glyphs[i].glyph;
      if ((glyph & PANGO_GLYPH_UNKNOWN_FLAG) != 0 && glyph != PANGO_GLYPH_EMPTY) {
        missing.insert(glyph & ~PANGO_GLYPH_UNKNOWN_FLAG);
      }
    }
  } while (pango_layout_iter_next_run(iterator) != FALSE);
  pango_layout_iter_free(iterator);
  std::vector<std::string> names;
  for (const guint32 code_point : missing) {
    names.push_back(absl::StrFormat("U+%04X", code_point));
  }
  return names;
}

void SetColor(cairo_t* cairo, const Rgba& color) {
  cairo_set_source_rgba(cairo, color.r / 255.0, color.g / 255.0, color.b / 255.0, color.a / 255.0);
}

void RoundedRect(cairo_t* cairo, const Box& box, double radius) {
  const double r = std::min({radius, box.w / 2, box.h / 2});
  constexpr double kQuarter = std::numbers::pi / 2;
  cairo_new_sub_path(cairo);
  cairo_arc(cairo, box.x + box.w - r, box.y + r, r, -kQuarter, 0);
  cairo_arc(cairo, box.x + box.w - r, box.y + box.h - r, r, 0, kQuarter);
  cairo_arc(cairo, box.x + r, box.y + box.h - r, r, kQuarter, 2 * kQuarter);
  cairo_arc(cairo, box.x + r, box.y + r, r, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(cairo);
}

// Where things stand, relative to the box's corner.
struct Geometry {
  double text_y = 0;  // top of the layout
  std::optional<Box> background;
  IntRect bounds;  // of everything painted
};

Box ToBox(const PangoRectangle& rect, double dy) {
  constexpr double kScale = PANGO_SCALE;
  return {rect.x / kScale, rect.y / kScale + dy, rect.width / kScale, rect.height / kScale};
}

Box Grown(const Box& box, double dx, double dy) {
  return {box.x - dx, box.y - dy, box.w + 2 * dx, box.h + 2 * dy};
}

IntRect Cover(const Box& box) {
  const int x = static_cast<int>(std::floor(box.x));
  const int y = static_cast<int>(std::floor(box.y));
  return {x,
          y,
          static_cast<int>(std::ceil(box.x + box.w)) - x,
          static_cast<int>(std::ceil(box.y + box.h)) - y};
}

Geometry Place(PangoLayout* layout, const TextSpec& spec) {
  PangoRectangle ink;
  PangoRectangle logical;
  pango_layout_get_extents(layout, &ink, &logical);
  Geometry geometry;
  const double free_height = spec.box_h - static_cast<double>(logical.height) / PANGO_SCALE;
  switch (spec.style.vertical_align) {
    case VerticalAlign::kTop:
      break;
    case VerticalAlign::kMiddle:
      geometry.text_y = free_height / 2;
      break;
    case VerticalAlign::kBottom:
      geometry.text_y = free_height;
      break;
  }
  const double stroke = spec.style.stroke.has_value() ? spec.style.stroke->width_px / 2 : 0;
  const Box inked = ToBox(ink, geometry.text_y);
  if (inked.w > 0 && inked.h > 0) {
    // One pixel around for anti-aliasing.
    geometry.bounds = Cover(Grown(inked, stroke + 1, stroke + 1));
  }
  if (spec.style.background.has_value() && logical.width > 0) {
    geometry.background = Grown(ToBox(logical, geometry.text_y),
                                spec.style.background->padding_x_px,
                                spec.style.background->padding_y_px);
    geometry.bounds = Bounds(geometry.bounds, Cover(Grown(*geometry.background, 1, 1)));
  }
  return geometry;
}

void Draw(cairo_t* cairo, PangoLayout* layout, const TextSpec& spec, const Geometry& geometry) {
  cairo_translate(cairo, -geometry.bounds.x, -geometry.bounds.y);
  if (geometry.background.has_value()) {
    RoundedRect(cairo, *geometry.background, spec.style.background->radius_px);
    SetColor(cairo, spec.style.background->color);
    cairo_fill(cairo);
  }
  cairo_translate(cairo, 0, geometry.text_y);
  if (spec.style.stroke.has_value()) {
    cairo_new_path(cairo);
    pango_cairo_layout_path(cairo, layout);
    SetColor(cairo, spec.style.stroke->color);
    cairo_set_line_width(cairo, spec.style.stroke->width_px);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(cairo);
  }
  cairo_new_path(cairo);
  cairo_move_to(cairo, 0, 0);
  SetColor(cairo, spec.style.fill);
  pango_cairo_show_layout(cairo, layout);
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
  return absl::OkStatus();
}

UniqueLayout LayOut(const TextSpec& spec,
                    double font_size_px,
                    Breaking breaking,
                    const std::optional<ColoredRange>& colored) {
  UniqueLayout layout(pango_layout_new(ThreadContext()));
  pango_layout_set_text(layout.get(), spec.text.data(), static_cast<int>(spec.text.size()));
  PangoFontDescription* font = pango_font_description_new();
  pango_font_description_set_family(font, WithFallbacks(spec).c_str());
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
  // As in CSS: the same distance whatever font a line falls back to.
  Insert(attributes,
         pango_attr_line_height_new_absolute(
             static_cast<int>(font_size_px * spec.style.line_height * PANGO_SCALE)),
         std::nullopt);
  if (spec.style.letter_spacing_px != 0) {
    Insert(
        attributes,
        pango_attr_letter_spacing_new(static_cast<int>(spec.style.letter_spacing_px * PANGO_SCALE)),
        std::nullopt);
  }
  if (colored.has_value()) {
    const Rgba& c = colored->color;
    Insert(attributes, pango_attr_foreground_new(Wide(c.r), Wide(c.g), Wide(c.b)), colored);
    // Zero would read as "not set".
    Insert(attributes, pango_attr_foreground_alpha_new(std::max<guint16>(1, Wide(c.a))), colored);
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
  const auto lines = [&](double width) {
    TextSpec narrower = spec;
    narrower.box_w = width;
    return pango_layout_get_line_count(LayOut(narrower, font_size_px, Breaking::kAnywhere).get());
  };
  const int count = lines(spec.box_w);
  if (count == 1) return spec.box_w;
  double low = spec.box_w / (count + 1);
  double high = spec.box_w;
  constexpr double kStepPx = 4;
  while (high - low > kStepPx) {
    const double middle = (low + high) / 2;
    (lines(middle) > count ? low : high) = middle;
  }
  return std::ceil(high);
}

absl::StatusOr<RasterText> PaintLayout(PangoLayout* layout,
                                       const TextSpec& spec,
                                       double font_size_px) {
  const Geometry geometry = Place(layout, spec);
  RasterText text;
  text.font_size_px = font_size_px;
  text.missing_glyphs = MissingGlyphs(layout);
  int width = 0;
  int height = 0;
  pango_layout_get_size(layout, &width, &height);
  text.overflows = width > spec.box_w * PANGO_SCALE || height > spec.box_h * PANGO_SCALE;
  text.x = geometry.bounds.x;
  text.y = geometry.bounds.y;
  if (geometry.bounds.empty()) {
    return text;
  }
  if (geometry.bounds.w > kRasterSideMax || geometry.bounds.h > kRasterSideMax) {
    return absl::InvalidArgumentError(absl::StrCat("text of ",
                                                   geometry.bounds.w,
                                                   "x",
                                                   geometry.bounds.h,
                                                   " pixels; the limit is ",
                                                   kRasterSideMax,
                                                   " a side"));
  }
  Raster& raster = text.raster;
  raster.width = geometry.bounds.w;
  raster.height = geometry.bounds.h;
  raster.stride = cairo_format_stride_for_width(CAIRO_FORMAT_ARGB32, raster.width);
  raster.pixels.resize(static_cast<std::size_t>(raster.stride) *
                       static_cast<std::size_t>(raster.height));
  const UniqueSurface surface(cairo_image_surface_create_for_data(
      raster.pixels.data(), CAIRO_FORMAT_ARGB32, raster.width, raster.height, raster.stride));
  const UniqueCairo cairo(cairo_create(surface.get()));
  Draw(cairo.get(), layout, spec, geometry);
  cairo_surface_flush(surface.get());
  if (const cairo_status_t status = cairo_status(cairo.get()); status != CAIRO_STATUS_SUCCESS) {
    return absl::InternalError(absl::StrCat("cairo: ", cairo_status_to_string(status)));
  }
  return text;
}

}  // namespace rn
