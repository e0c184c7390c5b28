#include "pipeline/color_profile.h"

#include <gtest/gtest.h>
#include <lcms2.h>

#include <array>
#include <string>

namespace rn {
namespace {

std::string Saved(cmsHPROFILE profile) {
  cmsUInt32Number size = 0;
  EXPECT_TRUE(cmsSaveProfileToMem(profile, nullptr, &size));
  std::string bytes(size, '\0');
  EXPECT_TRUE(cmsSaveProfileToMem(profile, bytes.data(), &size));
  cmsCloseProfile(profile);
  return bytes;
}

// Adobe RGB (1998): another green, another curve.
std::string AdobeRgb() {
  cmsCIExyY white;
  cmsWhitePointFromTemp(&white, 6504);
  const cmsCIExyYTRIPLE primaries = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
  cmsToneCurve* gamma = cmsBuildGamma(nullptr, 2.19921875);
  cmsToneCurve* const curves[] = {gamma, gamma, gamma};
  std::string bytes = Saved(cmsCreateRGBProfile(&white, &primaries, curves));
  cmsFreeToneCurve(gamma);
  return bytes;
}

TEST(ColorProfileTest, WiderColorsBecomeStrongerOnes) {
  const auto profile = ColorProfile::ToSrgb(AdobeRgb());
  ASSERT_NE(profile, nullptr);
  // Published values: Adobe RGB (100, 150, 80) is about (71, 151, 72) in sRGB.
  std::array<std::uint8_t, 8> pixels = {80, 150, 100, 7, 128, 128, 128, 255};
  profile->Convert(pixels.data(), 2);
  EXPECT_LT(pixels[2], 85);
  EXPECT_NEAR(pixels[1], 151, 3);
  EXPECT_EQ(pixels[3], 7);
  // Greys stay grey.
  EXPECT_NEAR(pixels[4], 127, 3);
  EXPECT_NEAR(pixels[4], pixels[6], 1);
}

TEST(ColorProfileTest, SrgbNeedsNoChange) {
  EXPECT_EQ(ColorProfile::ToSrgb(Saved(cmsCreate_sRGBProfile())), nullptr);
}

TEST(ColorProfileTest, DamagedAndForeignProfilesAreTakenForSrgb) {
  EXPECT_EQ(ColorProfile::ToSrgb(""), nullptr);
  EXPECT_EQ(ColorProfile::ToSrgb("not a profile"), nullptr);
  const std::string whole = AdobeRgb();
  EXPECT_EQ(ColorProfile::ToSrgb(whole.substr(0, 40)), nullptr);
  cmsToneCurve* gamma = cmsBuildGamma(nullptr, 2.2);
  cmsCIExyY white;
  cmsWhitePointFromTemp(&white, 6504);
  EXPECT_EQ(ColorProfile::ToSrgb(Saved(cmsCreateGrayProfile(&white, gamma))), nullptr);
  cmsFreeToneCurve(gamma);
}

}  // namespace
}  // namespace rn
