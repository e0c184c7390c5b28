// Which variant, style, colours and size: SelectFor and EverySelection of binder.h.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/nearest.h"
#include "template/binder.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr double kAspectTolerance = 0.02;  // 854 × 480 is still 16:9.

std::vector<std::string> KeysOf(const json& document, const char* member) {
  std::vector<std::string> keys;
  const auto found = document.find(member);
  if (found == document.end() || !found->is_object()) return keys;
  for (const auto& [key, value] : found->items()) keys.push_back(key);
  return keys;
}

// Width over height; 0 when unknown.
double AspectOf(const json& size) {
  if (!size.is_object()) return 0;
  const json width = size.value("width", json(0));
  const json height = size.value("height", json(0));
  if (!width.is_number() || !height.is_number() || !(height.get<double>() > 0)) return 0;
  return width.get<double>() / height.get<double>();
}

double AspectOf(const json& document, const std::string& variant) {
  return AspectOf(variant.empty() ? document.value("output", json::object())
                                  : document.at("variants").at(variant));
}

bool SameAspect(double a, double b) {
  return std::abs(a / b - 1) < kAspectTolerance;
}

// "9:16" or "9x16" as width over height; 0 when it is neither.
double ParseAspect(const std::string& text) {
  const auto separator = text.find_first_of(":x");
  double w = 0;
  double h = 0;
  const bool valid = separator != std::string::npos &&
                     absl::SimpleAtod(text.substr(0, separator), &w) &&
                     absl::SimpleAtod(text.substr(separator + 1), &h) && w > 0 && h > 0;
  return valid ? w / h : 0;
}

std::string VariantFor(const json& document,
                       const rendernode::OutputSpec& output,
                       std::vector<Problem>* problems) {
  std::vector<std::string> variants = KeysOf(document, "variants");
  const std::string wanted = absl::StrReplaceAll(output.aspect_ratio(), {{":", "x"}});
  double aspect = ParseAspect(wanted);
  if (wanted.empty() && output.width() > 0 && output.height() > 0) {
    aspect = static_cast<double>(output.width()) / output.height();
  }
  if (wanted.empty() && aspect == 0) return "";
  if (std::find(variants.begin(), variants.end(), wanted) != variants.end()) return wanted;
  variants.insert(variants.begin(), "");  // the template's own size first
  for (const std::string& variant : variants) {
    if (aspect > 0 && SameAspect(AspectOf(document, variant), aspect)) return variant;
  }
  // A size without a named shape is taken as it is: the layout is relative.
  if (wanted.empty()) return "";
  variants.erase(variants.begin());
  problems->push_back({"output/aspect_ratio", UnknownName("variant", wanted, variants)});
  return "";
}

void SelectSize(const json& document,
                const rendernode::OutputSpec& output,
                Selection* selection,
                std::vector<Problem>* problems) {
  constexpr unsigned kSideMin = 16;
  constexpr unsigned kSideMax = 8192;
  const unsigned w = output.width();
  const unsigned h = output.height();
  if (w == 0 && h == 0) return;
  for (const unsigned side : {w, h}) {
    if (side != 0 && (side < kSideMin || side > kSideMax || side % 2 != 0)) {
      problems->push_back(
          {"output", absl::StrCat("a side of ", side, " pixels; valid: even, 16 to 8192")});
      return;
    }
  }
  const double aspect = AspectOf(document, selection->variant);
  const auto even = [](double side) { return 2 * static_cast<int>(std::lround(side / 2)); };
  selection->width = w != 0 ? static_cast<int>(w) : even(h * aspect);
  selection->height = h != 0 ? static_cast<int>(h) : even(w / aspect);
  // One side of it was ours to find.
  if (const int larger = std::max(selection->width, selection->height);
      larger > static_cast<int>(kSideMax)) {
    problems->push_back({"output",
                         absl::StrCat("a side of ",
                                      larger,
                                      " pixels, by the template's aspect ratio; valid: even, ",
                                      kSideMin,
                                      " to ",
                                      kSideMax)});
    return;
  }
  const double chosen = static_cast<double>(selection->width) / selection->height;
  if (!output.aspect_ratio().empty() && aspect > 0 && !SameAspect(chosen, aspect)) {
    problems->push_back({"output",
                         absl::StrCat(selection->width,
                                      "x",
                                      selection->height,
                                      " is not of the aspect ratio ",
                                      output.aspect_ratio())});
  }
}

}  // namespace

Selection SelectFor(const json& document, const BindInput& input, std::vector<Problem>* problems) {
  Selection selection;
  selection.variant = VariantFor(document, input.job.output(), problems);
  SelectSize(document, input.job.output(), &selection, problems);
  const auto choose = [&](const char* key, const char* member) -> std::string {
    const auto found = input.job.overrides().find(key);
    if (found == input.job.overrides().end() || found->second.empty()) return "";
    const auto valid = KeysOf(document, member);
    if (std::find(valid.begin(), valid.end(), found->second) != valid.end()) return found->second;
    problems->push_back({absl::StrCat("overrides/", key), UnknownName(key, found->second, valid)});
    return "";
  };
  selection.style = choose("style", "styles");
  selection.color_scheme = choose("color_scheme", "color_schemes");
  const auto music = input.job.overrides().find("background_music");
  if (music != input.job.overrides().end() && !music->second.empty()) {
    selection.music = absl::StartsWith(music->second, "music:")
                          ? music->second
                          : absl::StrCat("music:", music->second);
  }
  return selection;
}

std::vector<Selection> EverySelection(const json& document) {
  std::vector<Selection> selections(1);
  for (const auto& name : KeysOf(document, "variants")) selections.push_back({.variant = name});
  for (const auto& name : KeysOf(document, "styles")) selections.push_back({.style = name});
  for (const auto& name : KeysOf(document, "color_schemes")) {
    selections.push_back({.color_scheme = name});
  }
  return selections;
}

}  // namespace rn
