#include "template/palette.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "base/status.h"

namespace rn {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <typename T>
absl::StatusOr<T> Named(absl::string_view kind,
                        absl::string_view reference,
                        const std::map<std::string, T>& names) {
  const auto found = names.find(std::string(reference.substr(1)));
  if (found != names.end()) return found->second;
  std::vector<std::string> valid;
  for (const auto& [name, value] : names) valid.push_back(absl::StrCat("$", name));
  return absl::InvalidArgumentError(UnknownName(kind, reference, valid));
}

}  // namespace

absl::StatusOr<Rgba> ParseColor(absl::string_view text) {
  if (text == "transparent") return Rgba{0, 0, 0, 0};
  if (text == "black") return Rgba{0, 0, 0, 255};
  if (text == "white") return Rgba{255, 255, 255, 255};
  absl::string_view digits = text;
  std::uint8_t channel[4] = {0, 0, 0, 255};
  bool valid = absl::ConsumePrefix(&digits, "#");
  const std::size_t n = digits.size();
  const std::size_t width = n <= 4 ? 1 : 2;
  valid = valid && (n == 3 || n == 4 || n == 6 || n == 8);
  for (std::size_t i = 0; valid && i < n / width; ++i) {
    const int high = HexDigit(digits[i * width]);
    const int low = HexDigit(digits[i * width + width - 1]);
    valid = high >= 0 && low >= 0;
    channel[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"",
                     text,
                     "\" is not a colour. Valid: #rgb, #rrggbb, #rrggbbaa, black, white, ",
                     "transparent, $name"));
  }
  return Rgba{channel[0], channel[1], channel[2], channel[3]};
}

absl::StatusOr<Rgba> Palette::Color(absl::string_view text) const {
  return absl::StartsWith(text, "$") ? Named("colour", text, colors) : ParseColor(text);
}

absl::StatusOr<std::string> Palette::Font(absl::string_view text) const {
  std::string family(text);
  if (absl::StartsWith(text, "$")) {
    ASSIGN_OR_RETURN(family, Named("font", text, fonts));
  }
  const bool known =
      installed == nullptr ||
      std::any_of(installed->begin(), installed->end(), [&](const std::string& name) {
        return absl::EqualsIgnoreCase(name, family);
      });
  if (!known) {
    // A machine has hundreds of fonts: the nearest one helps, the list does not.
    const auto nearest = Nearest(family, *installed);
    return absl::InvalidArgumentError(
        absl::StrCat("font \"",
                     family,
                     "\" is not installed",
                     nearest ? absl::StrCat("; did you mean \"", *nearest, "\"?") : ""));
  }
  return family;
}

}  // namespace rn
