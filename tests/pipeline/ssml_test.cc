#include "pipeline/ssml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

MarkedScript Read(const std::string& ssml) {
  auto marked = ReadSsml(ssml);
  EXPECT_TRUE(marked.ok()) << marked.status();
  return marked.ok() ? *std::move(marked) : MarkedScript();
}

void ExpectRefused(const std::string& ssml, const std::string& message) {
  const auto marked = ReadSsml(ssml);
  ASSERT_FALSE(marked.ok()) << ssml;
  EXPECT_THAT(std::string(marked.status().message()), HasSubstr(message)) << ssml;
}

// The style at the first occurrence of `word`.
ScriptStyle StyleOf(const MarkedScript& marked, const std::string& word) {
  const std::size_t at = marked.text.find(word);
  EXPECT_NE(at, std::string::npos) << word;
  ScriptStyle style;
  for (const MarkedScript::Run& run : marked.runs) {
    if (run.byte_begin <= at) style = run.style;
  }
  return style;
}

TEST(SsmlTest, WhatIsWrittenHasNoMarkupAndSingleSpaces) {
  const MarkedScript marked = Read(
      "<speak version=\"1.1\" xml:lang=\"en-US\">\n  Fish &amp; <emphasis>chips</emphasis>&#33;\n"
      "  <!-- note --> 5 &lt; 6 <![CDATA[<b>]]></speak>");
  EXPECT_EQ(marked.text, "Fish & chips! 5 < 6 <b>");
}

TEST(SsmlTest, SentencesAndParagraphsPartWordsAndPause) {
  const MarkedScript marked = Read("<speak><p><s>One.</s><s>Two.</s></p><p>Three.</p></speak>");
  EXPECT_EQ(marked.text, "One. Two. Three. ");
  ASSERT_THAT(marked.pauses, SizeIs(3));
  EXPECT_EQ(marked.pauses[0].byte, 4u);
  EXPECT_LT(marked.pauses[0].length, marked.pauses[1].length);  // after a paragraph
}

TEST(SsmlTest, BreaksTakeATimeOrAStrength) {
  const MarkedScript marked = Read(
      "<speak>a<break time=\"500ms\"/>b<break time='1.5s'/>c<break/>d<break strength=\"none\"/>e"
      "<break strength=\"weak\"/> <break strength=\"strong\"/>f</speak>");
  EXPECT_EQ(marked.text, "a b c de f");
  ASSERT_THAT(marked.pauses, SizeIs(4));
  EXPECT_EQ(marked.pauses[0].length, absl::Milliseconds(500));
  EXPECT_EQ(marked.pauses[1].length, absl::Milliseconds(1500));
  EXPECT_EQ(marked.pauses[2].length, absl::Milliseconds(400));
  EXPECT_EQ(marked.pauses[3].length, absl::Milliseconds(700));  // the longer one of two
}

TEST(SsmlTest, StylesNestAndEnd) {
  const MarkedScript marked = Read(
      "<speak>plain <prosody rate=\"slow\" volume=\"+6dB\">slow <prosody rate=\"150%\" "
      "pitch=\"+2st\">"
      "quick <emphasis level=\"strong\">loud</emphasis></prosody></prosody> after "
      "<say-as interpret-as=\"characters\">ABC</say-as></speak>");
  EXPECT_EQ(StyleOf(marked, "plain"), ScriptStyle());
  EXPECT_NEAR(StyleOf(marked, "slow").rate, 0.8, 1e-9);
  EXPECT_NEAR(StyleOf(marked, "slow").volume, 1.995, 0.001);
  EXPECT_NEAR(StyleOf(marked, "quick").rate, 1.2, 1e-9);
  EXPECT_NEAR(StyleOf(marked, "quick").pitch, 1.1225, 0.001);
  EXPECT_EQ(StyleOf(marked, "loud").stress, 2);
  EXPECT_EQ(StyleOf(marked, "after"), ScriptStyle());
  EXPECT_TRUE(StyleOf(marked, "ABC").spelt);
}

TEST(SsmlTest, WhatIsNotOfItIsNamedWithWhatIs) {
  ExpectRefused("<speak>a\n<empahsis>b</empahsis></speak>",
                "SSML, line 2: unknown tag \"empahsis\"; did you mean \"emphasis\"?");
  ExpectRefused("<speak><audio src=\"x\"/></speak>",
                "Valid: speak, p, s, break, emphasis, prosody, say-as");
  ExpectRefused("<speak><break tim=\"1s\"/></speak>", "did you mean \"time\"?");
  ExpectRefused("<speak><p class=\"x\">a</p></speak>", "<p> takes no attributes");
  ExpectRefused("<speak><break time=\"5\"/></speak>", "valid: \"500ms\", \"1.5s\"");
  ExpectRefused("<speak><break time=\"-1s\"/></speak>", "valid: \"500ms\"");
  ExpectRefused("<speak><break time=\"11s\"/></speak>", "<break> of 11s; at most 10s");
  ExpectRefused("<speak><break strength=\"huge\"/></speak>", "unknown strength of <break>");
  ExpectRefused("<speak><emphasis level=\"stong\">a</emphasis></speak>",
                "did you mean \"strong\"?");
  ExpectRefused("<speak><say-as>a</say-as></speak>", "needs \"interpret-as\"");
  ExpectRefused("<speak><say-as interpret-as=\"dates\">a</say-as></speak>", "cardinal");
  ExpectRefused("<speak><prosody rate=\"quick\">a</prosody></speak>", "unknown rate of <prosody>");
  ExpectRefused("<speak><prosody rate=\"300%\">a</prosody></speak>", "valid: 0.5 to 2");
  ExpectRefused("<speak><prosody pitch=\"nan\">a</prosody></speak>", "unknown pitch of <prosody>");
}

TEST(SsmlTest, MarkupThatIsNotWellFormedIsRefused) {
  ExpectRefused("<speak>", "SSML: ");
  ExpectRefused("<speak>a</p></speak>", "SSML: ");
  ExpectRefused("<speak>fish & chips</speak>", "SSML: ");
  ExpectRefused("<speak>&nbsp;</speak>", "SSML: ");
  ExpectRefused("<speak>a</speak><speak>b</speak>", "after </speak>");
  ExpectRefused("<speak><speak>a</speak></speak>", "<speak> inside <speak>");
  ExpectRefused("<speaker>a</speaker>", "<speaker> outside <speak>");
  std::string deep = "<speak>";
  for (int i = 0; i < 100; ++i) deep += "<p>";
  ExpectRefused(deep, "nested deeper than 32");
}

}  // namespace
}  // namespace rn
