#include "pipeline/color_profile.h"

#include <lcms2.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace rn {
namespace {

struct ProfileDeleter {
  void operator()(void* profile) const { cmsCloseProfile(profile); }
};
using UniqueProfile = std::unique_ptr<void, ProfileDeleter>;

// A profile may claim any table size; what cameras write is far smaller.
constexpr std::size_t kProfileBytesMax = 4 << 20;

cmsHTRANSFORM TransformOf(cmsHPROFILE from, cmsHPROFILE to) {
  return cmsCreateTransform(
      from, TYPE_BGRA_8, to, TYPE_BGRA_8, INTENT_PERCEPTUAL, cmsFLAGS_COPY_ALPHA);
}

// Many files carry sRGB under many names: it is what changes no colour by more than a level.
bool ChangesNothing(cmsHTRANSFORM transform) {
  constexpr int kStep = 51;
  for (int r = 0; r < 256; r += kStep) {
    for (int g = 0; g < 256; g += kStep) {
      for (int b = 0; b < 256; b += kStep) {
        const std::array<std::uint8_t, 4> from = {static_cast<std::uint8_t>(b),
                                                  static_cast<std::uint8_t>(g),
                                                  static_cast<std::uint8_t>(r),
                                                  255};
        std::array<std::uint8_t, 4> to = from;
        cmsDoTransform(transform, from.data(), to.data(), 1);
        for (std::size_t c = 0; c < 3; ++c) {
          if (std::abs(from[c] - to[c]) > 1) return false;
        }
      }
    }
  }
  return true;
}

}  // namespace

std::unique_ptr<ColorProfile> ColorProfile::ToSrgb(absl::string_view icc) {
  if (icc.empty() || icc.size() > kProfileBytesMax) return nullptr;
  const UniqueProfile from(
      cmsOpenProfileFromMem(icc.data(), static_cast<cmsUInt32Number>(icc.size())));
  if (from == nullptr || cmsGetColorSpace(from.get()) != cmsSigRgbData) return nullptr;
  const UniqueProfile srgb(cmsCreate_sRGBProfile());
  if (srgb == nullptr) return nullptr;
  cmsHTRANSFORM transform = TransformOf(from.get(), srgb.get());
  if (transform == nullptr) return nullptr;
  if (ChangesNothing(transform)) {
    cmsDeleteTransform(transform);
    return nullptr;
  }
  return std::unique_ptr<ColorProfile>(new ColorProfile(transform));
}

ColorProfile::~ColorProfile() {
  cmsDeleteTransform(transform_);
}

void ColorProfile::Convert(std::uint8_t* bgra, int n) const {
  cmsDoTransform(transform_, bgra, bgra, static_cast<cmsUInt32Number>(n));
}

}  // namespace rn
