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

TEST(TextTest, BalancingBreaksNoWord) {
  TextSpec spec = Spec("Northwind Group");
  spec.style.balanced = true;
  spec.style.font_size_px = 60;
  spec.box_w = 360;  // Of two lines, the first as wide as its word.
  const double balanced = Rasterised(spec).raster.width;
  spec.style.balanced = false;
  EXPECT_NEAR(balanced, Rasterised(spec).raster.width, 2);
}

TEST(TextTest, BalancedAndLetterspacedTextThatFitsDoesNotSayOtherwise) {
  TextSpec spec = Spec("Meet Halo, the speaker that fills the room");
  spec.style.auto_fit = true;
  spec.style.font_size_max_px = 64;
  spec.style.balanced = true;
  for (const double spacing : {-0.04, -0.02, -0.01, 0.02}) {
    for (int width = 400; width < 800; width += 7) {
      spec.box_w = width;
      spec.style.letter_spacing_em = spacing;
      EXPECT_FALSE(Rasterised(spec).overflows) << width << " px, " << spacing;
    }
  }
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

// Of the raster, in the element's box; transparent outside.
Rgba PixelAt(const RasterText& text, int x, int y) {
  const int column = x - text.x;
  const int row = y - text.y;
  if (column < 0 || row < 0 || column >= text.raster.width || row >= text.raster.height) {
    return {0, 0, 0, 0};
  }
  const std::uint8_t* p = &text.raster.pixels[static_cast<std::size_t>(row) * text.raster.stride +
                                              static_cast<std::size_t>(column) * 4];
  return {p[2], p[1], p[0], p[3]};
}

// Premultiplied blue, green … of all pixels from column `begin` up to `end` of the box.
double Sum(const RasterText& text, int channel, int begin = 0, int end = 100'000) {
  double sum = 0;
  for (int y = 0; y < text.raster.height; ++y) {
    for (int x = 0; x < text.raster.width; ++x) {
      if (x + text.x < begin || x + text.x >= end) continue;
      sum += text.raster.pixels[static_cast<std::size_t>(y * text.raster.stride + 4 * x + channel)];
    }
  }
  return sum;
}
constexpr int kBlue = 0;
constexpr int kRed = 2;
constexpr int kAlpha = 3;

TEST(TextTest, StrokeReachesItsWidthOutOfTheLettersOnEverySide) {
  TextSpec spec = Spec("I");
  spec.style.align = HorizontalAlign::kLeft;
  const RasterText bare = Rasterised(spec);
  spec.style.stroke = Stroke{{0, 0, 0, 255}, 10};
  const RasterText stroked = Rasterised(spec);
  EXPECT_EQ(stroked.x, bare.x - 10);
  EXPECT_EQ(stroked.raster.height, bare.raster.height + 20);
}

TEST(TextTest, StrokeDoesNotShowThroughTranslucentLetters) {
  TextSpec spec = Spec("\u2588");  // A block: all of it is inside.
  spec.style.fill = {255, 255, 255, 128};
  spec.style.stroke = Stroke{{0, 0, 0, 255}, 6};
  const Rgba middle = PixelAt(Rasterised(spec), 400, 150);
  EXPECT_NEAR(middle.a, 128, 1);
  EXPECT_NEAR(middle.r, 128, 1);
}

TEST(TextTest, BoxAroundEachLineIsAsLongAsTheLine) {
  TextSpec spec = Spec("A first line that is a long one indeed\nshort");
  spec.style.background = TextBackground{{0, 0, 255, 128}, 10, 4, 0};
  const auto covered = [](const RasterText& text, int row) {
    int pixels = 0;
    for (int x = 0; x < 800; ++x) pixels += PixelAt(text, x, row).a > 0 ? 1 : 0;
    return pixels;
  };
  const RasterText whole = Rasterised(spec);
  EXPECT_EQ(covered(whole, 130), covered(whole, 170));
  spec.style.background->per_line = true;
  const RasterText lines = Rasterised(spec);
  EXPECT_EQ(covered(lines, 100), covered(whole, 100));
  EXPECT_LT(covered(lines, 200), covered(whole, 200) / 2);
  // Where the boxes of two lines overlap they are no darker.
  EXPECT_EQ(PixelAt(lines, 400, 150).a, 128);
}

TEST(TextTest, TypedTextStandsWhereItStandsInTheWhole) {
  TextSpec spec = Spec("Typed text that wraps onto a second line of its own");
  spec.style.background = TextBackground{{0, 0, 0, 90}, 10, 4, 8};
  const RasterText whole = Rasterised(spec);
  const auto typed = RasteriseText(spec, 5);
  ASSERT_TRUE(typed.ok()) << typed.status();
  EXPECT_EQ(typed->x, whole.x);
  EXPECT_EQ(typed->y, whole.y);
  EXPECT_EQ(typed->raster.width, whole.raster.width);
  EXPECT_LT(Sum(*typed, kBlue), Sum(whole, kBlue) / 5);
  EXPECT_EQ(RasteriseText(spec, 1000)->raster.pixels, whole.raster.pixels);
  EXPECT_EQ(RasteriseText(spec, 0)->raster.width, 0);
  EXPECT_EQ(Rasterised(spec).raster.pixels, whole.raster.pixels);  // Typing left nothing behind.
}

TEST(TextTest, TypedArabicGrowsFromTheRightAndKeepsItsJoins) {
  TextSpec spec = Spec("مرحبا");
  const RasterText whole = Rasterised(spec);
  const auto typed = RasteriseText(spec, 2);
  ASSERT_TRUE(typed.ok()) << typed.status();
  const int middle = whole.x + whole.raster.width / 2;
  EXPECT_EQ(Sum(*typed, kAlpha, 0, middle), 0);
  EXPECT_GT(Sum(*typed, kAlpha), 0);
  const int right = whole.x + whole.raster.width * 4 / 5;
  EXPECT_EQ(Sum(*typed, kAlpha, right), Sum(whole, kAlpha, right));
}

TEST(TextTest, UnderlineIsTypedWithItsLetters) {
  TextSpec spec = Spec("under");
  spec.ranges.push_back({.begin = 0, .end = 5, .underline = true});
  const RasterText whole = Rasterised(spec);
  const auto typed = RasteriseText(spec, 1);
  ASSERT_TRUE(typed.ok()) << typed.status();
  EXPECT_EQ(Sum(*typed, kAlpha, whole.x + whole.raster.width / 2), 0);
}

TEST(TextTest, RangesLookDifferentAndTheRestDoesNot) {
  TextSpec spec = Spec("one two");
  spec.ranges.push_back({.begin = 4, .end = 7, .fill = Rgba{255, 0, 0, 255}, .font_weight = 800});
  const RasterText text = Rasterised(spec);
  const int middle = text.x + text.raster.width / 2;
  EXPECT_EQ(Sum(text, kBlue, 0, middle), Sum(text, kRed, 0, middle));
  EXPECT_EQ(Sum(text, kBlue, middle + 4), 0);
  EXPECT_GT(text.raster.width, Rasterised(Spec("one two")).raster.width);
  spec.ranges[0].font_family = "Intr";
  EXPECT_THAT(std::string(RasteriseText(spec).status().message()), HasSubstr("Inter"));
}

TEST(TextTest, LargeRangesMakeRoomForThemselves) {
  TextSpec spec = Spec("small\nlarge");
  const RasterText even = Rasterised(spec);
  spec.ranges.push_back({.begin = 6, .end = 11, .size = 2});
  EXPECT_GT(Rasterised(spec).raster.height, even.raster.height + 40);
}

TEST(TextTest, GradientRunsAcrossTheLetters) {
  TextSpec spec = Spec("MMMMMMMM");
  spec.style.gradient =
      Fill{Fill::Kind::kLinear, {{0, {255, 0, 0, 255}}, {1, {0, 0, 255, 255}}}, 90};
  const RasterText text = Rasterised(spec);
  const int third = text.x + text.raster.width / 3;
  EXPECT_GT(Sum(text, kRed, 0, third), 3 * Sum(text, kBlue, 0, third));
  EXPECT_GT(Sum(text, kBlue, text.x + text.raster.width * 2 / 3), Sum(text, kBlue, 0, third) * 3);
}

TEST(TextTest, LetterSpacingGrowsWithTheFont) {
  TextSpec spec = Spec("space");
  const int bare = Rasterised(spec).raster.width;
  spec.style.letter_spacing_em = 0.5;  // 24 pixels, four times
  EXPECT_NEAR(Rasterised(spec).raster.width, bare + 96, 26);
}

TEST(TextTest, LanguageDecidesTheShapeOfHanCharacters) {
  TextSpec spec = Spec("骨");
  const RasterText chinese = Rasterised(spec);
  spec.style.language = "ja";
  EXPECT_NE(Rasterised(spec).raster.pixels, chinese.raster.pixels);
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
