#include "pipeline/subtitles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// "1.5-4: The lake|is calm.": a cue's seconds, words and lines.
std::string Told(const SubtitleCue& cue) {
  std::string told =
      absl::StrCat(absl::ToDoubleSeconds(cue.begin), "-", absl::ToDoubleSeconds(cue.end), ":");
  for (std::size_t i = 0; i < cue.words.size(); ++i) {
    const bool touches = i > 0 && cue.words[i].byte_begin == cue.words[i - 1].byte_end;
    const bool line =
        std::find(cue.line_begins.begin(), cue.line_begins.end(), i) != cue.line_begins.end();
    absl::StrAppend(&told, line ? "|" : touches ? "" : " ", cue.words[i].text);
  }
  return told;
}

std::vector<std::string> Cues(absl::string_view bytes) {
  const auto subtitles = ParseSubtitles(bytes);
  EXPECT_TRUE(subtitles.ok()) << subtitles.status();
  std::vector<std::string> told;
  if (!subtitles.ok()) return told;
  for (const SubtitleCue& cue : subtitles->cues) told.push_back(Told(cue));
  return told;
}

std::string MistakeIn(absl::string_view bytes) {
  return std::string(ParseSubtitles(bytes).status().message());
}

TEST(SubtitlesTest, SubRipCuesHaveTimesWordsAndLines) {
  EXPECT_THAT(Cues("1\n00:00:01,500 --> 00:00:04,000\nThe lake\nis calm.\n\n"
                   "2\n00:02:03,004 --> 00:02:05,000\nBye.\n"),
              ElementsAre("1.5-4: The lake|is calm.", "123.004-125: Bye."));
}

TEST(SubtitlesTest, ByteOrderMarkAndEveryKindOfLineEndAreTaken) {
  const char* expected = "1-2: one|two";
  EXPECT_THAT(Cues("\xEF\xBB\xBF"
                   "1\r\n00:00:01,000 --> 00:00:02,000\r\none\r\ntwo\r\n\r\n"),
              ElementsAre(expected));
  EXPECT_THAT(Cues("1\r00:00:01,000 --> 00:00:02,000\rone\rtwo"), ElementsAre(expected));
  EXPECT_THAT(Cues("\n\n00:00:01.0 --> 00:00:02.0\none\ntwo"), ElementsAre(expected));
}

TEST(SubtitlesTest, WebVttIsReadWithoutItsLooks) {
  const auto subtitles = ParseSubtitles(
      "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE not shown\n\n"
      "intro\n00:01.000 --> 00:02.000 align:start line:0%\n"
      "<v Ann><c.loud>R&amp;D</c> is</v> <i>fun</i>\n\n"
      "01:00:00.000 --> 01:00:01.000 align:end\nend\n");
  ASSERT_TRUE(subtitles.ok()) << subtitles.status();
  ASSERT_THAT(subtitles->cues, SizeIs(2));
  EXPECT_EQ(Told(subtitles->cues[0]), "1-2: R&D is fun");
  EXPECT_EQ(Told(subtitles->cues[1]), "3600-3601: end");
  EXPECT_THAT(subtitles->warnings,
              ElementsAre(HasSubstr("line 4: STYLE is not used"),
                          HasSubstr("line 10: the cue's settings are not used")));
}

TEST(SubtitlesTest, SubRipTagsGoAndWhatIsNoTagStays) {
  EXPECT_THAT(Cues("1\n00:00:01,000 --> 00:00:02,000\n"
                   "{\\an8}<i>I</i> <3 <font color=\"#ff0\">a&amp;b</font> <sic>\n"),
              ElementsAre("1-2: I <3 a&amp;b <sic>"));
}

TEST(SubtitlesTest, WordsShareTheCuesTimeByTheirCharacters) {
  const auto subtitles = ParseSubtitles("1\n00:00:01,000 --> 00:00:02,000\na bcd efg\n");
  ASSERT_TRUE(subtitles.ok()) << subtitles.status();
  EXPECT_TRUE(subtitles->words_estimated);
  const auto& words = subtitles->cues[0].words;
  ASSERT_THAT(words, SizeIs(3));
  EXPECT_EQ(words[0].begin, absl::Seconds(1));
  EXPECT_EQ(words[1].begin, absl::Milliseconds(1200));
  EXPECT_EQ(words[2].begin, absl::Milliseconds(1600));
  EXPECT_EQ(words[2].end, absl::Seconds(2));
}

TEST(SubtitlesTest, TimesInTheTextAreTheWordsOwn) {
  const auto subtitles = ParseSubtitles(
      "WEBVTT\n\n00:01.000 --> 00:04.000\nsing <00:02.500>ka<00:03.000>ra <00:03.500>oke\n");
  ASSERT_TRUE(subtitles.ok()) << subtitles.status();
  EXPECT_FALSE(subtitles->words_estimated);
  EXPECT_EQ(Told(subtitles->cues[0]), "1-4: sing kara oke");
  const auto& words = subtitles->cues[0].words;
  ASSERT_THAT(words, SizeIs(4));
  EXPECT_EQ(words[1].begin, absl::Milliseconds(2500));
  EXPECT_EQ(words[1].end, absl::Seconds(3));
  EXPECT_EQ(words[3].begin, absl::Milliseconds(3500));
  EXPECT_EQ(words[3].end, absl::Seconds(4));
}

TEST(SubtitlesTest, CuesThatOverlapStandAboveEachOther) {
  EXPECT_THAT(Cues("1\n00:00:01,000 --> 00:00:05,000\nlong\n\n"
                   "2\n00:00:02,000 --> 00:00:03,000\nshort\n"),
              ElementsAre("1-2: long", "2-3: long|short", "3-5: long"));
  EXPECT_THAT(Cues("1\n00:00:01,000 --> 00:00:02,000\n- one\n\n"
                   "2\n00:00:01,000 --> 00:00:02,000\n- two\n"),
              ElementsAre("1-2: - one|- two"));
  // A slip is no overlap.
  EXPECT_THAT(Cues("1\n00:00:01,000 --> 00:00:02,100\none\n\n"
                   "2\n00:00:02,000 --> 00:00:03,000\ntwo\n"),
              ElementsAre("1-2: one", "2-3: two"));
}

TEST(SubtitlesTest, CuesOutOfOrderAreSorted) {
  EXPECT_THAT(Cues("1\n00:00:05,000 --> 00:00:06,000\nlater\n\n"
                   "2\n00:00:01,000 --> 00:00:02,000\nsooner\n"),
              ElementsAre("1-2: sooner", "5-6: later"));
}

TEST(SubtitlesTest, EmptyCuesAreNothing) {
  EXPECT_THAT(Cues("1\n00:00:01,000 --> 00:00:02,000\n\n"
                   "2\n00:00:03,000 --> 00:00:04,000\n<i></i>\n\n"
                   "3\n00:00:05,000 --> 00:00:06,000\nx\n"),
              ElementsAre("5-6: x"));
}

TEST(SubtitlesTest, MistakesNameTheLineAndWhatIsValid) {
  EXPECT_THAT(MistakeIn("1\n00:00:01,000 -> 00:00:02,000\nx\n"),
              HasSubstr("line 1: expected a cue's times, \"00:01:02,500 --> 00:01:04,000\"; "
                        "got \"1\""));
  EXPECT_THAT(MistakeIn("1\n00:00:01,000 --> 00:00:61,000\nx\n"), HasSubstr("line 2: expected"));
  EXPECT_THAT(MistakeIn("1\n00:00:02,000 --> 00:00:01,000\nx\n"),
              HasSubstr("line 2: the cue ends no later than it begins"));
  EXPECT_THAT(MistakeIn("1\n00:00:01,000 --> 00:00:02,000\nx\n\nstray\n"), HasSubstr("line 5: "));
  EXPECT_THAT(MistakeIn("a\nb\xFFz\n"), HasSubstr("line 2: not UTF-8"));
  EXPECT_THAT(MistakeIn("\xFF\xFE"
                        "1\n"),
              HasSubstr("UTF-16"));
  EXPECT_THAT(MistakeIn(""), HasSubstr("without a single cue"));
  EXPECT_THAT(MistakeIn("WEBVTT\n"), HasSubstr("00:01:02.500"));
}

TEST(SubtitlesTest, LimitsAreNamed) {
  EXPECT_THAT(MistakeIn(std::string(kSubtitleBytesMax + 1, 'x')), HasSubstr("the limit is"));
  EXPECT_THAT(MistakeIn(absl::StrCat("1\n00:00:01,000 --> 00:00:02,000\n",
                                     std::string(kCueBytesMax + 1, 'x'))),
              HasSubstr("a cue of more than 2000 bytes"));
  std::string crowd;
  for (int i = 0; i < 9; ++i) absl::StrAppend(&crowd, "00:00:01,000 --> 00:00:02,000\nx\n\n");
  EXPECT_THAT(MistakeIn(crowd), HasSubstr("more than 8 cues at once"));
}

TEST(SubtitlesTest, MissingFileIsNamed) {
  EXPECT_THAT(std::string(ReadSubtitles("/nowhere/x.srt").status().message()),
              HasSubstr("/nowhere/x.srt"));
}

}  // namespace
}  // namespace rn
