#include "pipeline/text_reader.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pipeline/shape_reader.h"

namespace rn {
namespace {

using nlohmann::json;
using Unit = Length::Unit;

constexpr Length kNone(0, Unit::kPixels);

void ReadSizes(const Fields& fields, const Box& box, TextStyle* style) {
  const json* size = fields.Find("font_size");
  style->auto_fit = size == nullptr || size->is_null();
  style->font_size_px = fields.Pixels("font_size", box.h, Length(5, Unit::kVmin));
  style->font_size_min_px = fields.Pixels("font_size_minimum", box.h, Length(2, Unit::kVmin));
  style->font_size_max_px = fields.Pixels("font_size_maximum", box.h, Length(12, Unit::kVmin));
  const double limit = fields.context().frame.height * 2;
  if (!style->auto_fit && (style->font_size_px < 1 || style->font_size_px > limit)) {
    fields.Report("font_size",
                  absl::StrCat("is ", style->font_size_px, " pixels; valid: 1 to ", limit));
  }
  if (style->auto_fit && (style->font_size_min_px < 1 || style->font_size_max_px > limit ||
                          style->font_size_min_px > style->font_size_max_px)) {
    fields.Report("font_size_minimum",
                  absl::StrCat("sizes from ",
                               style->font_size_min_px,
                               " to ",
                               style->font_size_max_px,
                               " pixels; valid: 1 to ",
                               limit,
                               ", in this order"));
  }
}

TextStyle Style(const Fields& fields, const Box& box) {
  TextStyle style;
  if (const auto family = fields.Text("font_family")) {
    const auto font = fields.context().palette.Font(*family);
    if (font.ok()) {
      style.font_family = *font;
    } else {
      fields.Report("font_family", font.status().message());
    }
  }
  style.font_weight = static_cast<int>(fields.Number("font_weight", 400));
  style.italic = fields.Choice<bool>("font_style", {{"normal", false}, {"italic", true}}, false);
  ReadSizes(fields, box, &style);
  style.line_height = fields.Number("line_height", 1.2);
  style.letter_spacing_px = fields.Pixels("letter_spacing", 0, kNone);
  style.fill = fields.Color("fill_color").value_or(style.fill);
  style.stroke = ReadStroke(fields);
  if (const auto color = fields.Color("background_color"); color && color->a > 0) {
    style.background =
        TextBackground{*color,
                       fields.Pixels("background_x_padding", box.w, Length(0.6, Unit::kVmin)),
                       fields.Pixels("background_y_padding", box.h, Length(0.3, Unit::kVmin)),
                       fields.Pixels("background_border_radius", ShorterSide(fields), kNone)};
  }
  style.align = fields.Choice<HorizontalAlign>("text_align",
                                               {{"left", HorizontalAlign::kLeft},
                                                {"center", HorizontalAlign::kCenter},
                                                {"right", HorizontalAlign::kRight},
                                                {"start", HorizontalAlign::kStart},
                                                {"end", HorizontalAlign::kEnd}},
                                               HorizontalAlign::kCenter);
  style.vertical_align = fields.Choice<VerticalAlign>("vertical_align",
                                                      {{"top", VerticalAlign::kTop},
                                                       {"middle", VerticalAlign::kMiddle},
                                                       {"bottom", VerticalAlign::kBottom}},
                                                      VerticalAlign::kMiddle);
  return style;
}

}  // namespace

TextContent ReadText(const Fields& fields, const Box& box) {
  TextStyle style = Style(fields, box);
  style.balanced = fields.Choice<bool>("text_wrap", {{"wrap", false}, {"balance", true}}, false);
  return {{fields.Text("text").value_or(""), std::move(style), box.w, box.h}};
}

CaptionsModel ReadCaptions(const Fields& fields, const Box& box) {
  CaptionsModel captions;
  captions.spec.style = Style(fields, box);
  captions.spec.effect = fields.Choice<CaptionEffect>(
      "effect",
      {{"none", CaptionEffect::kNone}, {"highlight", CaptionEffect::kHighlight}},
      CaptionEffect::kNone);
  captions.spec.active = fields.Color("color").value_or(captions.spec.style.fill);
  captions.spec.max_lines = static_cast<int>(fields.Number("max_lines", 2));
  captions.spec.box_w = box.w;
  captions.spec.box_h = box.h;
  if (fields.Has("color") && captions.spec.effect == CaptionEffect::kNone &&
      fields.LayerOf("color") <= fields.LayerOf("effect")) {
    fields.Report("color", "is the highlighted word's; the effect is \"none\"");
  }
  const auto source = fields.Text("source");
  if (source && absl::StartsWith(*source, "@")) {
    captions.voice = source->substr(1);
  } else if (source) {
    fields.Report("source", "captions take \"@name\" of a voice element");
  }
  return captions;
}

}  // namespace rn
