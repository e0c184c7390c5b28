#include "pipeline/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TextSpec Spec(const std::string& text) {
  TextSpec spec;
  spec.text = text;
  spec.box_w = 800;
  spec.box_h = 300;
  return spec;
}

RasterText Rasterised(const TextSpec& spec) {
  const auto text = RasteriseText(spec);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or(RasterText{});
}

bool HasColor(const Raster& raster) {
  for (std::size_t i = 0; i + 3 < raster.pixels.size(); i += 4) {
    const auto [low, high] =
        std::minmax({raster.pixels[i], raster.pixels[i + 1], raster.pixels[i + 2]});
    if (high - low > 40) return true;
  }
  return false;
}

TEST(TextTest, LongTitleShrinksUntilItFitsItsBox) {
  TextSpec spec = Spec("A title that goes on and on, far beyond what its box holds at full size");
  spec.style.auto_fit = true;
  spec.style.font_size_max_px = 200;
  const RasterText text = Rasterised(spec);
  EXPECT_FALSE(text.overflows);
  EXPECT_LT(text.font_size_px, 120);
  EXPECT_GT(text.font_size_px, 40);
  EXPECT_GE(text.x, -2);
  EXPECT_LE(text.x + text.raster.width, 802);
  EXPECT_LE(text.y + text.raster.height, 302);
}

TEST(TextTest, ShortTitleTakesTheLargestSizeAllowed) {
  TextSpec spec = Spec("Hi");
  spec.style.auto_fit = true;
  spec.style.font_size_max_px = 90;
  EXPECT_NEAR(Rasterised(spec).font_size_px, 90, 0.5);
}

TEST(TextTest, TextThatFitsNowhereIsSetAtTheSmallestSizeAndSaysSo) {
  TextSpec spec = Spec(std::string(4000, 'm'));
  spec.style.auto_fit = true;
  spec.style.font_size_min_px = 20;
  const RasterText text = Rasterised(spec);
  EXPECT_TRUE(text.overflows);
  EXPECT_EQ(text.font_size_px, 20);
}

TEST(TextTest, AlignmentMeansTheSidesOfTheScreenInEveryScript) {
  for (const char* words : {"left", "שמאל", "يسار"}) {
    SCOPED_TRACE(words);
    TextSpec spec = Spec(words);
    spec.style.align = HorizontalAlign::kLeft;
    EXPECT_LT(Rasterised(spec).x, 20);
    spec.style.align = HorizontalAlign::kRight;
    const RasterText right = Rasterised(spec);
    EXPECT_GT(right.x + right.raster.width, 780);
  }
}

TEST(TextTest, StartAndEndFollowTheDirectionOfTheText) {
  const auto left_edge = [](const char* words, HorizontalAlign align) {
    TextSpec spec = Spec(words);
    spec.style.align = align;
    return Rasterised(spec).x;
  };
  EXPECT_EQ(left_edge("left", HorizontalAlign::kStart), left_edge("left", HorizontalAlign::kLeft));
  EXPECT_EQ(left_edge("left", HorizontalAlign::kEnd), left_edge("left", HorizontalAlign::kRight));
  EXPECT_EQ(left_edge("يمين", HorizontalAlign::kStart), left_edge("يمين", HorizontalAlign::kRight));
  EXPECT_EQ(left_edge("يمين", HorizontalAlign::kEnd), left_edge("يمين", HorizontalAlign::kLeft));
}

TEST(TextTest, BalancedLinesAreOfLikeLengthAndNoMore) {
  TextSpec spec = Spec("The speaker that fills the whole room");
  spec.style.font_size_px = 60;
  const RasterText greedy = Rasterised(spec);
  spec.style.balanced = true;
  const RasterText balanced = Rasterised(spec);
  EXPECT_LT(balanced.raster.width, greedy.raster.width - 60);
  EXPECT_NEAR(balanced.raster.height, greedy.raster.height, 8);
  // Still in the middle of the box.
  EXPECT_NEAR(balanced.x + balanced.raster.width / 2.0, spec.box_w / 2, 6);
}

TEST(TextTest, HanCharactersTakeTheShapeOfTheLanguageAroundThem) {
  // U+9AA8 has its inner corner on the left in China, on the right in Japan.
  TextSpec chinese = Spec("骨");
  TextSpec japanese = chinese;
  japanese.style.font_family = "Noto Sans CJK JP";
  TextSpec simplified = chinese;
  simplified.style.font_family = "Noto Sans CJK SC";
  EXPECT_EQ(Rasterised(chinese).raster.pixels, Rasterised(simplified).raster.pixels);
  EXPECT_NE(Rasterised(chinese).raster.pixels, Rasterised(japanese).raster.pixels);
  chinese.text = japanese.text = "骨の";
  EXPECT_EQ(Rasterised(chinese).raster.pixels, Rasterised(japanese).raster.pixels);
}

TEST(TextTest, ChineseArabicAndEmojiHaveGlyphs) {
  for (const char* words : {"高山湖泊", "مرحبا بالعالم", "שלום", "Sale 🎉🚀"}) {
    SCOPED_TRACE(words);
    EXPECT_THAT(Rasterised(Spec(words)).missing_glyphs, IsEmpty());
  }
}

TEST(TextTest, EmojiAreInColour) {
  EXPECT_TRUE(HasColor(Rasterised(Spec("🎉")).raster));
  EXPECT_FALSE(HasColor(Rasterised(Spec("plain")).raster));
}

TEST(TextTest, MissingGlyphIsNamedOnce) {
  // Unassigned for ever: no font has it.
  EXPECT_THAT(Rasterised(Spec("a\U000EFFFD\U000EFFFDz")).missing_glyphs, ElementsAre("U+EFFFD"));
}

TEST(TextTest, EmptyTextLeavesNoMark) {
  EXPECT_EQ(Rasterised(Spec("")).raster.width, 0);
}

TEST(TextTest, StrokeAndBackgroundReachBeyondTheLetters) {
  const RasterText bare = Rasterised(Spec("word"));
  TextSpec spec = Spec("word");
  spec.style.stroke = Stroke{{0, 0, 0, 255}, 10};
  EXPECT_GE(Rasterised(spec).raster.width, bare.raster.width + 8);
  spec.style.background = TextBackground{{0, 0, 0, 255}, 40, 20, 8};
  EXPECT_GE(Rasterised(spec).raster.width, bare.raster.width + 60);
}

TEST(TextTest, SameTextIsTheSamePixelsEveryTime) {
  const RasterText first = Rasterised(Spec("Deterministic"));
  EXPECT_EQ(first.raster.pixels, Rasterised(Spec("Deterministic")).raster.pixels);
}

TEST(TextTest, TextThatIsNotUtf8IsRefusedWhereItBreaks) {
  const auto text = RasteriseText(Spec("ab\xFFz"));
  EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(text.status().message()), HasSubstr("not UTF-8 at byte 2"));
}

TEST(TextTest, UnknownFontNamesTheNearestAndAFewMore) {
  TextSpec spec = Spec("x");
  spec.style.font_family = "Intr";
  const auto text = RasteriseText(spec);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(text.status().message());
  EXPECT_THAT(message, HasSubstr("unknown font family \"Intr\"; did you mean \"Inter\"?"));
  EXPECT_LE(std::count(message.begin(), message.end(), ','), 9);
  EXPECT_LT(message.size(), 500U);
}

TEST(TextTest, FamiliesAreFoundInAnyCaseAndOnlyWhenInstalled) {
  EXPECT_TRUE(FontFamilyInstalled("inter"));
  // fontconfig would answer with some other font.
  EXPECT_FALSE(FontFamilyInstalled("sans-serif"));
  EXPECT_THAT(InstalledFontFamilies(), Not(IsEmpty()));
}

}  // namespace
}  // namespace rn
