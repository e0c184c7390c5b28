#include "template/text_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "template/shape_reader.h"
#include "template/source_reader.h"
#include "template/text_markup.h"

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

// "pt-BR" as it is; empty (and reported) when it cannot be a language.
std::string Language(const Fields& fields) {
  std::string language = fields.Text("language").value_or("");
  const std::vector<absl::string_view> parts = absl::StrSplit(language, '-');
  const bool valid = std::all_of(parts.begin(), parts.end(), [&](absl::string_view part) {
    const bool first = part.data() == parts.front().data();
    return part.size() >= 2 && part.size() <= (first ? 3 : 8) &&
           std::all_of(part.begin(), part.end(), absl::ascii_isalnum);
  });
  if (language.empty() || valid) return language;
  fields.Report("language",
                absl::StrCat("\"",
                             language,
                             "\" is no language; valid: BCP 47, such as \"de\", \"pt-BR\", ",
                             "\"zh-Hant\""));
  return "";
}

LetterCase ReadCase(const Fields& fields) {
  return fields.Choice<LetterCase>("text_transform",
                                   {{"none", LetterCase::kAsWritten},
                                    {"uppercase", LetterCase::kUpper},
                                    {"lowercase", LetterCase::kLower},
                                    {"capitalize", LetterCase::kCapitalized}},
                                   LetterCase::kAsWritten);
}

std::optional<TextBackground> ReadBackground(const Fields& fields, const Box& box, bool per_line) {
  const auto color = fields.Color("background_color");
  if (!color || color->a == 0) return std::nullopt;
  TextBackground background;
  background.color = *color;
  background.padding_x_px = fields.Pixels("background_x_padding", box.w, Length(0.6, Unit::kVmin));
  background.padding_y_px = fields.Pixels("background_y_padding", box.h, Length(0.3, Unit::kVmin));
  background.radius_px = fields.Pixels("background_border_radius", ShorterSide(fields), kNone);
  background.per_line =
      fields.Choice<bool>("background_mode", {{"box", false}, {"line", true}}, per_line);
  return background;
}

// `per_line`: the kind of background where the element does not say.
TextStyle Style(const Fields& fields, const Box& box, bool per_line) {
  TextStyle style;
  if (const auto family = fields.Text("font_family")) {
    const auto font = fields.context().palette.Font(*family);
    if (font.ok()) {
      style.font_family = *font;
    } else {
      fields.Report("font_family", font.status().message());
    }
  }
  style.font_weight = static_cast<int>(fields.Number("font_weight", 400, {100, 900}));
  style.italic = fields.Choice<bool>("font_style", {{"normal", false}, {"italic", true}}, false);
  ReadSizes(fields, box, &style);
  style.line_height = fields.Number("line_height", 1.2, {0.5, 4});
  // Percents are of the font's size, which may not be known yet.
  style.letter_spacing_px = fields.Pixels("letter_spacing", 0, kNone);
  style.letter_spacing_em = fields.Pixels("letter_spacing", 1, kNone) - style.letter_spacing_px;
  style.language = Language(fields);
  if (auto fill = ReadFill(fields); fill && fill->stops.size() > 1) {
    style.gradient = *std::move(fill);
  } else if (fill && !fill->stops.empty()) {
    style.fill = fill->stops.front().color;
  }
  style.stroke = ReadStroke(fields);
  style.background = ReadBackground(fields, box, per_line);
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

// Effects that colour a word, and those that do not.
void ReadEffect(const Fields& fields, CaptionSpec* spec) {
  spec->effect = fields.Choice<CaptionEffect>("effect",
                                              {{"none", CaptionEffect::kNone},
                                               {"highlight", CaptionEffect::kHighlight},
                                               {"karaoke", CaptionEffect::kKaraoke},
                                               {"pop", CaptionEffect::kPop},
                                               {"typewriter", CaptionEffect::kTypewriter}},
                                              CaptionEffect::kNone);
  spec->active = fields.Color("color").value_or(spec->style.fill);
  const bool colours =
      spec->effect != CaptionEffect::kNone && spec->effect != CaptionEffect::kTypewriter;
  if (fields.Has("color") && !colours && fields.LayerOf("color") <= fields.LayerOf("effect")) {
    fields.Report("color",
                  "is the spoken word's; the effect has none (highlight, karaoke, pop do)");
  }
  if (!fields.Has("color") && spec->effect == CaptionEffect::kKaraoke) {
    fields.Report("effect", "karaoke needs the \"color\" of what has been sung");
  }
}

void ReadCaptionSource(const Fields& fields, CaptionsModel* captions) {
  const json* source = fields.Find("source");
  if (source == nullptr || !source->is_string()) return;
  const auto& text = source->get_ref<const std::string&>();
  if (absl::StartsWith(text, "@")) {
    captions->voice = fields.Text("source").value_or("@").substr(1);
    if (fields.Has("offset"))
      fields.Report("offset", "is for subtitles; a voice has its own times");
  } else if (absl::StartsWith(text, "asset:") || absl::StartsWith(text, "{{")) {
    captions->subtitles = SourceFile(fields, VariableType::kSubtitles);
    constexpr double kOffsetMax = 14400;  // as long as videos may be
    captions->offset = absl::Seconds(fields.Number("offset", 0, {-kOffsetMax, kOffsetMax}));
  } else {
    fields.Report("source",
                  "captions take \"@name\" of a voice element, \"{{variable}}\" of type "
                  "subtitles, or \"asset:name\" of an SRT or VTT file");
  }
}

}  // namespace

TextContent ReadText(const Fields& fields, const Box& box) {
  TextStyle style = Style(fields, box, /*per_line=*/false);
  style.balanced = fields.Choice<bool>("text_wrap", {{"wrap", false}, {"balance", true}}, false);
  MarkedText marked{fields.Text("text").value_or(""), {}};
  if (fields.Flag("markup", false)) {
    auto parsed = ParseMarkup(marked.text, fields.context().palette);
    if (parsed.ok()) {
      marked = *std::move(parsed);
    } else {
      fields.Report("text", parsed.status().message());
    }
  }
  marked = InCase(marked, ReadCase(fields), style.language);
  return {{std::move(marked.text), std::move(style), box.w, box.h, std::move(marked.ranges)}};
}

CaptionsModel ReadCaptions(const Fields& fields, const Box& box) {
  CaptionsModel captions;
  captions.spec.style = Style(fields, box, /*per_line=*/true);
  captions.spec.letter_case = ReadCase(fields);
  captions.spec.max_lines = static_cast<int>(fields.Number("max_lines", 2, {1, 6}));
  captions.spec.box_w = box.w;
  captions.spec.box_h = box.h;
  ReadEffect(fields, &captions.spec);
  ReadCaptionSource(fields, &captions);
  return captions;
}

}  // namespace rn
