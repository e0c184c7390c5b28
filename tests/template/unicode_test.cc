#include "template/unicode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rn {
namespace {

using ::testing::ElementsAre;

TEST(UnicodeTest, CharactersAreCountedAsAReaderCountsThem) {
  EXPECT_EQ(GraphemeCount(""), 0U);
  EXPECT_EQ(GraphemeCount("lake"), 4U);
  EXPECT_EQ(GraphemeCount("e\u0301te\u0301"), 3U);
  EXPECT_EQ(GraphemeCount("👩🏽‍🚀🇩🇪1️⃣"), 3U);
  EXPECT_THAT(GraphemeEnds("aé漢"), ElementsAre(1, 3, 6));
}

TEST(UnicodeTest, EmojiAtTheEndAreTakenOffWithTheirBlanks) {
  EXPECT_EQ(WithoutTrailingEmoji("done. 🎉 👍🏽"), "done.");
  EXPECT_EQ(WithoutTrailingEmoji("done.❤️"), "done.");
  EXPECT_EQ(WithoutTrailingEmoji("step 1️⃣"), "step");
  EXPECT_EQ(WithoutTrailingEmoji("in 2024 "), "in 2024 ");
  EXPECT_EQ(WithoutTrailingEmoji("🎉"), "");
}

std::string Cased(const char* text, LetterCase letter_case, const char* language = "") {
  return InCase(text, letter_case, language, nullptr);
}

TEST(UnicodeTest, CaseFollowsTheLanguage) {
  EXPECT_EQ(Cased("straße, iğde", LetterCase::kUpper), "STRASSE, IĞDE");
  EXPECT_EQ(Cased("iğde", LetterCase::kUpper, "tr"), "İĞDE");
  EXPECT_EQ(Cased("ΟΔΟΣ", LetterCase::kLower), "οδος");
  EXPECT_EQ(Cased("as Written", LetterCase::kAsWritten), "as Written");
}

TEST(UnicodeTest, CapitalizingLeavesTheOtherLettersAlone) {
  EXPECT_EQ(Cased("it's an iPhone of élan", LetterCase::kCapitalized), "It's An IPhone Of Élan");
}

TEST(UnicodeTest, StepsTellWhereEachPartWent) {
  std::vector<CaseStep> steps;
  EXPECT_EQ(InCase("aßc", LetterCase::kUpper, "", &steps), "ASSC");
  EXPECT_EQ(steps.front().from, 0U);
  EXPECT_EQ(steps.back().from, 4U);
  EXPECT_EQ(steps.back().to, 4U);
  InCase("ıx", LetterCase::kUpper, "", &steps);  // Two bytes become one.
  EXPECT_EQ(steps.back().from, 3U);
  EXPECT_EQ(steps.back().to, 2U);
}

}  // namespace
}  // namespace rn
