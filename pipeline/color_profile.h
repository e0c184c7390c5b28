// ICC profiles of pictures: their colours to sRGB. The only file that calls Little CMS.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

namespace rn {

// One thread.
class ColorProfile {
 public:
  // Nothing where there is nothing to do: no profile, sRGB itself, one that is damaged or is not of
  // RGB (greys and inks are converted by the decoder): then the picture is taken for sRGB, as
  // browsers do.
  static std::unique_ptr<ColorProfile> ToSrgb(absl::string_view icc);
  ~ColorProfile();
  ColorProfile(const ColorProfile&) = delete;
  ColorProfile& operator=(const ColorProfile&) = delete;

  // `n` pixels of BGRA, straight alpha, in place.
  void Convert(std::uint8_t* bgra, int n) const;

 private:
  explicit ColorProfile(void* transform) : transform_(transform) {}
  void* const transform_;
};

}  // namespace rn
