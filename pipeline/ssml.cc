#include "pipeline/ssml.h"

#include <glib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "base/status.h"

namespace rn {
namespace {

using Attributes = std::map<std::string, std::string>;

constexpr absl::Duration kSentencePause = absl::Milliseconds(350);
constexpr absl::Duration kParagraphPause = absl::Milliseconds(700);
constexpr double kFactorMin = 0.5, kFactorMax = 2;  // of rate and pitch, nested ones multiplied
constexpr double kVolumeMax = 4;
constexpr std::size_t kDepthMax = 32;

struct Named {
  absl::string_view name;
  double value;
};
constexpr std::array<Named, 6> kBreakMilliseconds = {{{"none", 0},
                                                      {"x-weak", 100},
                                                      {"weak", 200},
                                                      {"medium", 400},
                                                      {"strong", 700},
                                                      {"x-strong", 1200}}};
constexpr std::array<Named, 6> kRates = {{{"x-slow", 0.6},
                                          {"slow", 0.8},
                                          {"medium", 1},
                                          {"fast", 1.25},
                                          {"x-fast", 1.6},
                                          {"default", 1}}};
constexpr std::array<Named, 6> kPitches = {{{"x-low", 0.7},
                                            {"low", 0.85},
                                            {"medium", 1},
                                            {"high", 1.15},
                                            {"x-high", 1.35},
                                            {"default", 1}}};
constexpr std::array<Named, 7> kVolumes = {{{"silent", 0},
                                            {"x-soft", 0.35},
                                            {"soft", 0.6},
                                            {"medium", 1},
                                            {"loud", 1.5},
                                            {"x-loud", 2},
                                            {"default", 1}}};
constexpr std::array<Named, 4> kStresses = {
    {{"strong", 2}, {"moderate", 1}, {"none", 0}, {"reduced", -1}}};

std::optional<double> Lookup(absl::Span<const Named> names, absl::string_view name) {
  for (const Named& named : names) {
    if (named.name == name) return named.value;
  }
  return std::nullopt;
}

std::vector<std::string> NamesOf(absl::Span<const Named> names) {
  std::vector<std::string> all;
  for (const Named& named : names) all.emplace_back(named.name);
  return all;
}

std::optional<double> Number(absl::string_view text) {
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "1.2", "90%", "+10%", "+2st" (semitones), "-6dB", or a name.
std::optional<double> Factor(absl::string_view text, absl::Span<const Named> names) {
  if (const auto named = Lookup(names, text)) return named;
  const bool relative = absl::StartsWith(text, "+") || absl::StartsWith(text, "-");
  if (absl::ConsumeSuffix(&text, "%")) {
    const auto percent = Number(text);
    if (!percent) return std::nullopt;
    return (relative ? 100 + *percent : *percent) / 100;
  }
  if (absl::ConsumeSuffix(&text, "st")) {
    const auto semitones = Number(text);
    if (!semitones) return std::nullopt;
    return std::exp2(*semitones / 12);
  }
  if (absl::ConsumeSuffix(&text, "dB")) {
    const auto decibels = Number(text);
    if (!decibels) return std::nullopt;
    return std::pow(10, *decibels / 20);
  }
  return relative ? std::nullopt : Number(text);
}

struct Tag {
  absl::string_view name;
  std::vector<std::string> attributes;
};

const std::vector<Tag>& Tags() {
  static const auto& tags = *new std::vector<Tag>{{"speak", {}},
                                                  {"p", {}},
                                                  {"s", {}},
                                                  {"break", {"time", "strength"}},
                                                  {"emphasis", {"level"}},
                                                  {"prosody", {"rate", "pitch", "volume"}},
                                                  {"say-as", {"interpret-as"}}};
  return tags;
}

// Hears the parser's elements and texts in order.
class Reader {
 public:
  absl::Status Start(const std::string& name, const Attributes& attributes);
  void End(const std::string& name);
  void Text(absl::string_view text);
  MarkedScript Take() && { return std::move(marked_); }

 private:
  absl::Status CheckAttributes(const std::string& name, const Attributes& attributes) const;
  absl::Status Break(const Attributes& attributes);
  absl::Status Emphasis(const Attributes& attributes);
  absl::Status SayAs(const Attributes& attributes);
  absl::Status Prosody(const Attributes& attributes);
  void Pause(absl::Duration length);
  void SetStyle(const ScriptStyle& style);
  void PartWords();

  std::vector<ScriptStyle> open_;  // of the elements around; innermost last
  bool ended_ = false;             // </speak> was there
  MarkedScript marked_;
};

absl::Status Reader::Start(const std::string& name, const Attributes& attributes) {
  if (ended_) return absl::InvalidArgumentError(absl::StrCat("<", name, "> after </speak>"));
  if (open_.empty() != (name == "speak")) {
    return absl::InvalidArgumentError(
        name == "speak" ? "<speak> inside <speak>" : absl::StrCat("<", name, "> outside <speak>"));
  }
  if (open_.size() >= kDepthMax) {
    return absl::InvalidArgumentError(absl::StrCat("tags nested deeper than ", kDepthMax));
  }
  RETURN_IF_ERROR(CheckAttributes(name, attributes));
  open_.push_back(open_.empty() ? ScriptStyle() : open_.back());
  if (name == "p" || name == "s") PartWords();
  if (name == "break") return Break(attributes);
  if (name == "emphasis") return Emphasis(attributes);
  if (name == "say-as") return SayAs(attributes);
  if (name == "prosody") return Prosody(attributes);
  SetStyle(open_.back());
  return absl::OkStatus();
}

void Reader::End(const std::string& name) {
  open_.pop_back();
  ended_ = open_.empty();
  if (ended_) return;
  SetStyle(open_.back());
  if (name != "p" && name != "s") return;
  Pause(name == "p" ? kParagraphPause : kSentencePause);
  PartWords();
}

void Reader::Text(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isspace(static_cast<unsigned char>(c))) {
      marked_.text.push_back(c);
    } else {
      PartWords();
    }
  }
}

absl::Status Reader::CheckAttributes(const std::string& name, const Attributes& attributes) const {
  const auto tag = std::find_if(
      Tags().begin(), Tags().end(), [&](const Tag& candidate) { return candidate.name == name; });
  if (tag == Tags().end()) {
    std::vector<std::string> names;
    for (const Tag& candidate : Tags()) names.emplace_back(candidate.name);
    return absl::InvalidArgumentError(UnknownName("tag", name, names));
  }
  if (name == "speak") return absl::OkStatus();
  for (const auto& [attribute, value] : attributes) {
    const auto& known = tag->attributes;
    if (known.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("<", name, "> takes no attributes; it has \"", attribute, "\""));
    }
    if (std::find(known.begin(), known.end(), attribute) == known.end()) {
      return absl::InvalidArgumentError(
          UnknownName(absl::StrCat("attribute of <", name, ">"), attribute, known));
    }
  }
  return absl::OkStatus();
}

absl::Status Reader::Break(const Attributes& attributes) {
  absl::Duration length = absl::Milliseconds(400);  // medium
  if (const auto strength = attributes.find("strength"); strength != attributes.end()) {
    const auto milliseconds = Lookup(kBreakMilliseconds, strength->second);
    if (!milliseconds) {
      return absl::InvalidArgumentError(
          UnknownName("strength of <break>", strength->second, NamesOf(kBreakMilliseconds)));
    }
    length = absl::Milliseconds(*milliseconds);
  }
  if (const auto time = attributes.find("time"); time != attributes.end()) {
    absl::string_view text = time->second;
    const bool milliseconds = absl::ConsumeSuffix(&text, "ms");
    const bool unit = milliseconds || absl::ConsumeSuffix(&text, "s");
    const auto value = Number(text);
    if (!unit || !value || *value < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "<break> time is \"", time->second, "\"; valid: \"500ms\", \"1.5s\" and so on"));
    }
    length = milliseconds ? absl::Milliseconds(*value) : absl::Seconds(*value);
  }
  if (length > kBreakMax) {
    return absl::InvalidArgumentError(absl::StrCat("<break> of ",
                                                   absl::FormatDuration(length),
                                                   "; at most ",
                                                   absl::FormatDuration(kBreakMax)));
  }
  if (length > absl::ZeroDuration()) PartWords();
  Pause(length);
  return absl::OkStatus();
}

absl::Status Reader::Emphasis(const Attributes& attributes) {
  const auto level = attributes.find("level");
  const auto stress = level == attributes.end() ? 1 : Lookup(kStresses, level->second);
  if (!stress) {
    return absl::InvalidArgumentError(
        UnknownName("level of <emphasis>", level->second, NamesOf(kStresses)));
  }
  open_.back().stress = static_cast<int>(*stress);
  SetStyle(open_.back());
  return absl::OkStatus();
}

absl::Status Reader::SayAs(const Attributes& attributes) {
  static const auto& valid =
      *new std::vector<std::string>{"characters", "spell-out", "digits", "telephone", "cardinal"};
  const auto as = attributes.find("interpret-as");
  if (as == attributes.end()) {
    return absl::InvalidArgumentError("<say-as> needs \"interpret-as\"");
  }
  if (std::find(valid.begin(), valid.end(), as->second) == valid.end()) {
    return absl::InvalidArgumentError(UnknownName("interpret-as of <say-as>", as->second, valid));
  }
  open_.back().spelt = as->second != "cardinal";
  SetStyle(open_.back());
  return absl::OkStatus();
}

absl::Status Reader::Prosody(const Attributes& attributes) {
  ScriptStyle& style = open_.back();
  struct Field {
    const char* name;
    absl::Span<const Named> names;
    double min, max;
    double* value;
  };
  const Field fields[] = {{"rate", kRates, kFactorMin, kFactorMax, &style.rate},
                          {"pitch", kPitches, kFactorMin, kFactorMax, &style.pitch},
                          {"volume", kVolumes, 0, kVolumeMax, &style.volume}};
  for (const Field& field : fields) {
    const auto given = attributes.find(field.name);
    if (given == attributes.end()) continue;
    const auto factor = Factor(given->second, field.names);
    if (!factor) {
      return absl::InvalidArgumentError(absl::StrCat(
          UnknownName(
              absl::StrCat(field.name, " of <prosody>"), given->second, NamesOf(field.names)),
          ", a factor (\"1.2\") or a percentage (\"90%\", \"+10%\")"));
    }
    *field.value *= *factor;
    if (!(*field.value >= field.min && *field.value <= field.max)) {
      return absl::InvalidArgumentError(absl::StrCat("<prosody> ",
                                                     field.name,
                                                     " \"",
                                                     given->second,
                                                     "\" makes ",
                                                     *field.value,
                                                     " of the voice's own; valid: ",
                                                     field.min,
                                                     " to ",
                                                     field.max));
    }
  }
  SetStyle(style);
  return absl::OkStatus();
}

// The longest of those at one place counts.
void Reader::Pause(absl::Duration length) {
  if (length <= absl::ZeroDuration()) return;
  const std::size_t here = marked_.text.size();
  auto& pauses = marked_.pauses;
  // With nothing but a space in between it is the same place.
  const bool same = !pauses.empty() &&
                    absl::StripAsciiWhitespace(marked_.text.substr(pauses.back().byte)).empty();
  if (!same) {
    pauses.push_back({here, length});
  } else {
    pauses.back().length = std::max(pauses.back().length, length);
  }
}

void Reader::SetStyle(const ScriptStyle& style) {
  auto& runs = marked_.runs;
  const std::size_t here = marked_.text.size();
  if (!runs.empty() && runs.back().style == style) return;
  if (!runs.empty() && runs.back().byte_begin == here) {
    runs.back().style = style;
  } else {
    runs.push_back({here, style});
  }
}

// White space in markup is one space, none at the beginning.
void Reader::PartWords() {
  if (!marked_.text.empty() && marked_.text.back() != ' ') marked_.text.push_back(' ');
}

// ---------------------------------------------------------------- GMarkup

Reader& ReaderOf(gpointer data) {
  return *static_cast<Reader*>(data);
}

void OnStart(GMarkupParseContext*,
             const gchar* name,
             const gchar** names,
             const gchar** values,
             gpointer data,
             GError** error) {
  Attributes attributes;
  for (; *names != nullptr; ++names, ++values) attributes.emplace(*names, *values);
  const absl::Status status = ReaderOf(data).Start(name, attributes);
  if (!status.ok()) {
    g_set_error(error,
                G_MARKUP_ERROR,
                G_MARKUP_ERROR_INVALID_CONTENT,
                "%s",
                std::string(status.message()).c_str());
  }
}

void OnEnd(GMarkupParseContext*, const gchar* name, gpointer data, GError**) {
  ReaderOf(data).End(name);
}

void OnText(GMarkupParseContext*, const gchar* text, gsize size, gpointer data, GError**) {
  ReaderOf(data).Text({text, size});
}

}  // namespace

bool IsSsml(absl::string_view script) {
  return absl::StartsWith(script, "<speak");
}

absl::StatusOr<MarkedScript> ReadSsml(absl::string_view ssml) {
  static constexpr GMarkupParser kParser = {&OnStart, &OnEnd, &OnText, nullptr, nullptr};
  Reader reader;
  const std::unique_ptr<GMarkupParseContext, decltype(&g_markup_parse_context_free)> context(
      g_markup_parse_context_new(&kParser, G_MARKUP_TREAT_CDATA_AS_TEXT, &reader, nullptr),
      &g_markup_parse_context_free);
  GError* error = nullptr;
  if (g_markup_parse_context_parse(
          context.get(), ssml.data(), static_cast<gssize>(ssml.size()), &error) == FALSE ||
      g_markup_parse_context_end_parse(context.get(), &error) == FALSE) {
    const std::unique_ptr<GError, decltype(&g_error_free)> owned(error, &g_error_free);
    gint line = 0;
    g_markup_parse_context_get_position(context.get(), &line, nullptr);
    // Errors of GMarkup's own name the line themselves.
    return absl::InvalidArgumentError(owned->code == G_MARKUP_ERROR_INVALID_CONTENT
                                          ? absl::StrCat("SSML, line ", line, ": ", owned->message)
                                          : absl::StrCat("SSML: ", owned->message));
  }
  return std::move(reader).Take();
}

}  // namespace rn
