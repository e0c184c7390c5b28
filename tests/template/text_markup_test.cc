#include "template/text_markup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Palette Colors() {
  static const auto& installed = *new FontFamilies{"Inter", "Noto Serif"};
  Palette palette;
  palette.installed = &installed;
  palette.colors["accent"] = {255, 180, 0, 255};
  palette.fonts["head"] = "Noto Serif";
  return palette;
}

MarkedText Marked(absl::string_view markup) {
  const auto marked = ParseMarkup(markup, Colors());
  EXPECT_TRUE(marked.ok()) << marked.status();
  return marked.value_or(MarkedText{});
}

std::string MistakeIn(absl::string_view markup) {
  return std::string(ParseMarkup(markup, Colors()).status().message());
}

std::string Covered(const MarkedText& marked, std::size_t range) {
  const TextRange& r = marked.ranges.at(range);
  return marked.text.substr(r.begin, r.end - r.begin);
}

TEST(TextMarkupTest, TagsAddUpAndEndWhereTheyAreClosed) {
  const MarkedText marked = Marked("a <b>bold <i>both</i></b> <u>u</u><s>s</s>");
  EXPECT_EQ(marked.text, "a bold both us");
  ASSERT_THAT(marked.ranges, SizeIs(4));
  EXPECT_EQ(Covered(marked, 0), "bold ");
  EXPECT_EQ(marked.ranges[0].font_weight, 700);
  EXPECT_FALSE(marked.ranges[0].italic.has_value());
  EXPECT_EQ(Covered(marked, 1), "both");
  EXPECT_EQ(marked.ranges[1].font_weight, 700);
  EXPECT_EQ(marked.ranges[1].italic, true);
  EXPECT_TRUE(marked.ranges[2].underline);
  EXPECT_TRUE(marked.ranges[3].strikethrough);
}

TEST(TextMarkupTest, ColoursAndFontsAreTheThemesOrLiterals) {
  const MarkedText marked = Marked(
      "<color=$accent>a</color><color='#f00'>b</color>"
      "<span font=\"$head\" weight='300' size=150% style=italic color=\"#00f\">c</span>");
  ASSERT_THAT(marked.ranges, SizeIs(3));
  EXPECT_EQ(marked.ranges[0].fill, (Rgba{255, 180, 0, 255}));
  EXPECT_EQ(marked.ranges[1].fill, (Rgba{255, 0, 0, 255}));
  EXPECT_EQ(marked.ranges[2].font_family, "Noto Serif");
  EXPECT_EQ(marked.ranges[2].font_weight, 300);
  EXPECT_EQ(marked.ranges[2].size, 1.5);
  EXPECT_EQ(marked.ranges[2].italic, true);
}

TEST(TextMarkupTest, WhatIsNoTagIsText) {
  const MarkedText marked = Marked("I <3 R&D, a < b &amp; &lt;b&gt;<br>next&unknown;");
  EXPECT_EQ(marked.text, "I <3 R&D, a < b & <b>\nnext&unknown;");
  EXPECT_THAT(marked.ranges, IsEmpty());
}

TEST(TextMarkupTest, MistakesSayWhereAndWhatIsValid) {
  EXPECT_THAT(MistakeIn("für <b>ever"), HasSubstr("character 5: <b> is never closed"));
  EXPECT_THAT(MistakeIn("<b>x</i>"), HasSubstr("character 5: </i> where <b> is to be closed"));
  EXPECT_THAT(MistakeIn("x</b>"), HasSubstr("character 2: </b> closes nothing"));
  EXPECT_THAT(MistakeIn("<blink>x</blink>"), HasSubstr("unknown tag \"blink\""));
  EXPECT_THAT(MistakeIn("<b"), HasSubstr("without its \">\""));
  EXPECT_THAT(MistakeIn("<color=$acent>x</color>"), HasSubstr("accent"));
  EXPECT_THAT(MistakeIn("<span font=Intr>x</span>"), HasSubstr("Inter"));
  EXPECT_THAT(MistakeIn("<span size=12px>x</span>"), HasSubstr("\"10%\" to \"500%\""));
  EXPECT_THAT(MistakeIn("<span weigt=700>x</span>"), HasSubstr("weight"));
  EXPECT_THAT(MistakeIn("<span weight=\"7>x</span>"), HasSubstr("without its \">\""));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "<b>";
  EXPECT_THAT(MistakeIn(deep), HasSubstr("more than 32 deep"));
}

TEST(TextMarkupTest, RangesStayAroundTheirLettersInAnotherCase) {
  const MarkedText upper = InCase(Marked("aß<b>ß</b>ü<i>ﬃx</i>"), LetterCase::kUpper, "");
  EXPECT_EQ(upper.text, "ASSSSÜFFIX");
  ASSERT_THAT(upper.ranges, SizeIs(2));
  EXPECT_EQ(Covered(upper, 0), "SS");
  EXPECT_EQ(Covered(upper, 1), "FFIX");
}

}  // namespace
}  // namespace rn
