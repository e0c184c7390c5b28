#include "template/length.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace rn {
namespace {

using Unit = Length::Unit;

constexpr std::array<std::pair<absl::string_view, Unit>, 6> kUnits = {{{"%", Unit::kPercent},
                                                                       {"vw", Unit::kVw},
                                                                       {"vh", Unit::kVh},
                                                                       {"vmin", Unit::kVmin},
                                                                       {"vmax", Unit::kVmax},
                                                                       {"px", Unit::kPixels}}};

}  // namespace

absl::StatusOr<Length> Length::Parse(absl::string_view text) {
  absl::string_view number = text;
  Unit unit = Unit::kPixels;
  for (const auto& [suffix, candidate] : kUnits) {
    if (absl::ConsumeSuffix(&number, suffix)) {
      unit = candidate;
      break;
    }
  }
  double value = 0;
  // SimpleAtod also takes "nan", "inf" and blanks; a length has none of them.
  const bool digits = number.find_first_not_of("0123456789+-.") == absl::string_view::npos;
  if (!digits || !absl::SimpleAtod(number, &value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"",
                     text,
                     "\" is not a length. Valid: 120, \"50%\", \"12vw\", \"12vh\", ",
                     "\"9vmin\", \"9vmax\", \"120px\""));
  }
  if (std::abs(value) > kMagnitudeMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is beyond the limit of ±", kMagnitudeMax));
  }
  return Length(value, unit);
}

double Length::ToPixels(double whole, const LengthFrame& frame) const {
  switch (unit_) {
    case Unit::kPixels:
      return value_ * frame.pixel_scale;
    case Unit::kPercent:
      return value_ / 100 * whole;
    case Unit::kVw:
      return value_ / 100 * frame.width;
    case Unit::kVh:
      return value_ / 100 * frame.height;
    case Unit::kVmin:
      return value_ / 100 * std::min(frame.width, frame.height);
    case Unit::kVmax:
      return value_ / 100 * std::max(frame.width, frame.height);
  }
  return 0;
}

}  // namespace rn
