// Colours and fonts by name: the theme, with a style and a colour scheme on top.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "template/rgba.h"

namespace rn {

// "#rgb", "#rgba", "#rrggbb", "#rrggbbaa", "transparent", "black", "white".
absl::StatusOr<Rgba> ParseColor(absl::string_view text);

// The font families of a machine.
using FontFamilies = std::vector<std::string>;

struct Palette {
  std::map<std::string, Rgba> colors;
  std::map<std::string, std::string> fonts;
  const FontFamilies* installed = nullptr;  // null: nobody here knows, so that every family may be

  // A literal, or "$name". InvalidArgument names the nearest name.
  absl::StatusOr<Rgba> Color(absl::string_view text) const;
  absl::StatusOr<std::string> Font(absl::string_view text) const;
};

}  // namespace rn
