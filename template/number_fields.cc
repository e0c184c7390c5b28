// Numbers of elements: plain, in percent or pixels, as texts with variables, as keyframes. Members
// of Fields.
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "template/fields.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr double kWhole = 100;  // percent

bool ParseNumber(absl::string_view text, double* number) {
  // SimpleAtod also takes "nan" and "inf".
  return absl::SimpleAtod(text, number) && std::isfinite(*number);
}

// Seconds, "50%" of the life or "end".
bool ParseKeyTime(absl::string_view text, Keyframe* key) {
  if (text == "end") {
    key->part = 1;
    return true;
  }
  double number = 0;
  if (absl::ConsumeSuffix(&text, "%")) {
    if (!ParseNumber(text, &number) || number < 0 || number > kWhole) return false;
    key->part = number / kWhole;
    return true;
  }
  if (!ParseNumber(text, &number)) return false;
  key->seconds = number;
  return number >= kSecondsRange.low && number <= kSecondsRange.high;
}

// In the words of the schema's check, so that the same mistake is one.
std::string OutOfRange(double number, NumberRange range) {
  return number < range.low ? absl::StrCat("must be at least ", range.low, "; it is ", number)
                            : absl::StrCat("must be at most ", range.high, "; it is ", number);
}

bool Within(double number, NumberRange range) {
  return number >= range.low && number <= range.high;
}

}  // namespace

Curve Fields::ReadCurve(const char* key, double otherwise, const ValueReader& read) const {
  std::string pointer;
  const json* value = Find(key, &pointer);
  if (value == nullptr) return Curve(otherwise);
  if (!value->is_array()) return Curve(read(*value, pointer).value_or(otherwise));
  std::vector<Keyframe> keys;
  for (std::size_t i = 0; i < value->size(); ++i) {
    const Fields fields(context_, value->at(i), absl::StrCat(pointer, "/", i));
    std::string place;
    Keyframe frame{.value = otherwise, .easing = fields.EasingAt("easing")};
    if (const json* at = fields.Find("value", &place)) {
      frame.value = read(*at, place).value_or(otherwise);
    }
    if (const json* time = fields.Find("time"); time != nullptr && time->is_number()) {
      frame.seconds = time->get<double>();
    } else if (const auto text = fields.Text("time"); text && !ParseKeyTime(*text, &frame)) {
      fields.Report("time",
                    absl::StrCat("\"",
                                 *text,
                                 "\" is not a keyframe's time. Valid: 1.5 (seconds), \"50%\" of ",
                                 "the element's life, \"end\""));
    }
    keys.push_back(frame);
  }
  if (keys.empty()) return Curve(otherwise);
  Curve curve(std::move(keys));
  // How long the life is shows later: what is out of order in any life is wrong now.
  for (const Keyframe& frame : curve.keys()) {
    if (frame.part != 0) return curve;
  }
  if (const auto misplaced = curve.Misplaced(0)) {
    context_.Report(absl::StrCat(pointer, "/", *misplaced, "/time"),
                    "keyframes stand in order of their time");
    return Curve(otherwise);
  }
  return curve;
}

double Fields::AtMoment(const char* key, const Curve& curve) const {
  if (!curve.constant() && context_.keyed != nullptr) {
    std::string pointer;
    Find(key, &pointer);
    context_.keyed->push_back({std::move(pointer), key, curve});
  }
  return curve.At(context_.moment);
}

std::optional<double> Fields::NumberOf(const json& value,
                                       const std::string& pointer,
                                       NumberRange range) const {
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    const auto text = context_.Substitute(value.get_ref<const std::string&>(), pointer);
    if (!text) return std::nullopt;
    if (!ParseNumber(*text, &number)) {
      context_.Report(pointer, absl::StrCat("\"", *text, "\" is not a number"));
      return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  if (Within(number, range)) return number;
  context_.Report(pointer, OutOfRange(number, range));
  return std::nullopt;
}

std::optional<double> Fields::PixelsOf(const json& value,
                                       const std::string& pointer,
                                       double whole) const {
  if (value.is_number()) {
    const double number = value.get<double>();
    const NumberRange range{-Length::kMagnitudeMax, Length::kMagnitudeMax};
    if (!Within(number, range)) {
      context_.Report(pointer, OutOfRange(number, range));
      return std::nullopt;
    }
    return Length(number, Length::Unit::kPixels).ToPixels(whole, context_.frame);
  }
  if (!value.is_string()) return std::nullopt;
  const auto text = context_.Substitute(value.get_ref<const std::string&>(), pointer);
  if (!text) return std::nullopt;
  const auto length = Length::Parse(*text);
  if (!length.ok()) {
    context_.Report(pointer, length.status().message());
    return std::nullopt;
  }
  return length->ToPixels(whole, context_.frame);
}

std::optional<double> Fields::PercentOf(const json& value,
                                        const std::string& pointer,
                                        NumberRange range) const {
  if (!value.is_string()) return NumberOf(value, pointer, range);
  const auto text = context_.Substitute(value.get_ref<const std::string&>(), pointer);
  if (!text) return std::nullopt;
  absl::string_view digits = *text;
  const double unit = absl::ConsumeSuffix(&digits, "%") ? kWhole : 1;
  double number = 0;
  if (!ParseNumber(digits, &number) || !Within(number / unit, range)) {
    context_.Report(pointer,
                    absl::StrCat("\"",
                                 *text,
                                 "\" is not a percentage from ",
                                 range.low * kWhole,
                                 "% to ",
                                 range.high * kWhole,
                                 "%"));
    return std::nullopt;
  }
  return number / unit;
}

Curve Fields::NumberCurve(const char* key, double otherwise, NumberRange range) const {
  return ReadCurve(key, otherwise, [&](const json& value, const std::string& pointer) {
    return NumberOf(value, pointer, range);
  });
}

Curve Fields::PixelCurve(const char* key, double whole, Length otherwise) const {
  return ReadCurve(key,
                   otherwise.ToPixels(whole, context_.frame),
                   [&](const json& value, const std::string& pointer) {
                     return PixelsOf(value, pointer, whole);
                   });
}

Curve Fields::PercentCurve(const char* key, double otherwise, NumberRange range) const {
  return ReadCurve(key, otherwise, [&](const json& value, const std::string& pointer) {
    return PercentOf(value, pointer, range);
  });
}

double Fields::Number(const char* key, double otherwise, NumberRange range) const {
  return AtMoment(key, NumberCurve(key, otherwise, range));
}

absl::Duration Fields::Seconds(const char* key, absl::Duration otherwise) const {
  return absl::Seconds(Number(key, absl::ToDoubleSeconds(otherwise), kSecondsRange));
}

double Fields::Pixels(const char* key, double whole, Length otherwise) const {
  return AtMoment(key, PixelCurve(key, whole, otherwise));
}

double Fields::Percent(const char* key, double otherwise, NumberRange range) const {
  return AtMoment(key, PercentCurve(key, otherwise, range));
}

}  // namespace rn
