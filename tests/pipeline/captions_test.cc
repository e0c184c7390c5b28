#include "pipeline/captions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kWord = absl::Milliseconds(400);

// Words of a script, spoken one after another; "|" is a pause of a second.
std::vector<SpokenWord> Spoken(const std::string& script) {
  std::vector<SpokenWord> words;
  absl::Duration now;
  std::size_t byte = 1;
  for (const absl::string_view word : absl::StrSplit(script, ' ')) {
    if (word == "|") {
      now += absl::Seconds(1);
      continue;
    }
    words.push_back({std::string(word), byte, byte + word.size(), now, now + kWord});
    byte += word.size() + 1;
    now += kWord;
  }
  return words;
}

CaptionSpec Spec() {
  CaptionSpec spec;
  spec.style.font_size_px = 40;
  spec.effect = CaptionEffect::kHighlight;
  spec.active = {255, 180, 0, 255};
  spec.box_w = 500;
  spec.box_h = 200;
  return spec;
}

std::vector<CaptionPage> Pages(const std::vector<SpokenWord>& words,
                               const CaptionSpec& spec = Spec(),
                               absl::Duration offset = absl::ZeroDuration()) {
  const auto pages = PaginateCaptions(words, offset, spec);
  EXPECT_TRUE(pages.ok()) << pages.status();
  return pages.value_or(std::vector<CaptionPage>{});
}

std::vector<std::string> Texts(const std::vector<CaptionPage>& pages) {
  std::vector<std::string> texts;
  for (const CaptionPage& page : pages) {
    texts.push_back(absl::StrJoin(
        page.words, " ", [](std::string* out, const SpokenWord& word) { out->append(word.text); }));
  }
  return texts;
}

TEST(CaptionsTest, SentencesBeginTheirOwnPages) {
  EXPECT_THAT(Texts(Pages(Spoken("The lake is calm today. Nobody is on it."))),
              ElementsAre("The lake is calm today.", "Nobody is on it."));
}

TEST(CaptionsTest, PauseBeginsAPageWithoutAFullStop) {
  EXPECT_THAT(Texts(Pages(Spoken("First we climb up | then we rest here"))),
              ElementsAre("First we climb up", "then we rest here"));
}

TEST(CaptionsTest, TitlesAndInitialsDoNotEndASentence) {
  EXPECT_THAT(Texts(Pages(Spoken("Ask Dr. J. Smith about it."))),
              ElementsAre("Ask Dr. J. Smith about it."));
}

TEST(CaptionsTest, EmojiAfterAFullStopDoesNotHideTheSentencesEnd) {
  for (const char* emoji : {"🎉", " 🎉", "👩🏽‍🚀🇩🇪", "1️⃣", "❤️\")"}) {
    SCOPED_TRACE(emoji);
    auto words = Spoken("The lake is calm today. Nobody is on it.");
    words[4].text += emoji;
    EXPECT_THAT(Texts(Pages(words)),
                ElementsAre(absl::StrCat("The lake is calm today.", emoji), "Nobody is on it."));
  }
}

TEST(CaptionsTest, EmojiAloneEndsNoSentence) {
  EXPECT_THAT(Texts(Pages(Spoken("From 🎉 the 🚀 lake"))), ElementsAre("From 🎉 the 🚀 lake"));
}

TEST(CaptionsTest, VeryShortSentencesShareAPageInsteadOfFlashing) {
  EXPECT_THAT(Texts(Pages(Spoken("Fast. Simple. Yours. And it is all made by hand."))),
              ElementsAre("Fast. Simple. Yours.", "And it is all made by hand."));
}

TEST(CaptionsTest, LongSentenceBreaksEvenlyAndNoPageHasTooManyLines) {
  const auto pages = Pages(
      Spoken("one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
             "fifteen sixteen"));
  ASSERT_GE(pages.size(), 2U);
  std::size_t fewest = 99;
  std::size_t most = 0;
  for (const CaptionPage& page : pages) {
    EXPECT_LE(page.line_begins.size(), 1U);
    fewest = std::min(fewest, page.words.size());
    most = std::max(most, page.words.size());
  }
  EXPECT_GE(2 * fewest, most);  // No lonely last word.
}

TEST(CaptionsTest, LongSentencePrefersToBreakAtAComma) {
  const auto texts = Texts(Pages(
      Spoken("when the morning fog has cleared away, the whole valley lies open before us all")));
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_EQ(texts[0], "when the morning fog has cleared away,");
}

TEST(CaptionsTest, EveryWordIsShownOnceAndInOrder) {
  const auto words = Spoken("a few words, more words. Still more | and a last one");
  std::vector<std::string> shown;
  for (const CaptionPage& page : Pages(words)) {
    for (const SpokenWord& word : page.words) shown.push_back(word.text);
  }
  std::vector<std::string> spoken;
  for (const SpokenWord& word : words) spoken.push_back(word.text);
  EXPECT_EQ(shown, spoken);
}

TEST(CaptionsTest, PagesAppearWithTheirFirstWordAndNeverOverlap) {
  const auto pages = Pages(Spoken("The lake is calm today. Nobody is on it. | | Good night to you"),
                           Spec(),
                           absl::Seconds(5));
  ASSERT_EQ(pages.size(), 3U);
  EXPECT_EQ(pages[0].begin, absl::Seconds(5));
  EXPECT_EQ(pages[0].end, pages[1].begin);  // The gap is short: no blink.
  EXPECT_EQ(pages[1].begin, absl::Seconds(7));
  EXPECT_LT(pages[1].end, pages[2].begin);  // Two seconds of silence: nothing on screen.
  EXPECT_EQ(pages[2].words.front().begin, pages[2].begin);
}

TEST(CaptionsTest, LastWordStaysLongEnoughToRead) {
  const auto pages = Pages(Spoken("Done."));
  ASSERT_EQ(pages.size(), 1U);
  EXPECT_EQ(pages[0].end - pages[0].begin, kPageShownMin);
}

TEST(CaptionsTest, TextWithoutSpacesIsSplitWhereALineMayBreak) {
  const std::string script = "高山湖泊在清晨非常安静。我们沿着湖边慢慢走，看到了雪山的倒影。";
  const auto pages = Pages({{script, 0, script.size(), absl::ZeroDuration(), absl::Seconds(8)}});
  ASSERT_GE(pages.size(), 2U);
  std::string joined;
  for (const CaptionPage& page : pages) {
    EXPECT_LE(page.line_begins.size(), 1U);
    for (const SpokenWord& word : page.words) joined += word.text;
  }
  EXPECT_EQ(joined, script);
  EXPECT_EQ(pages[0].words.back().text.substr(pages[0].words.back().text.size() - 3), "。");
  EXPECT_THAT(ToSrt(pages), HasSubstr("安静。"));  // No spaces where the script has none.
}

TEST(CaptionsTest, WordLongerThanThePageIsAPageOfItsOwn) {
  CaptionSpec spec = Spec();
  spec.box_w = 60;
  spec.max_lines = 1;
  EXPECT_THAT(Texts(Pages(Spoken("an incredible day"), spec)),
              ElementsAre("an", "incredible", "day"));
}

TEST(CaptionsTest, TimesThatRunBackwardsAreStraightened) {
  auto words = Spoken("one two three. four five six");
  std::swap(words[1].begin, words[4].begin);
  absl::Duration before;
  for (const CaptionPage& page : Pages(words)) {
    EXPECT_GE(page.begin, before);
    EXPECT_GE(page.end, page.begin);
    before = page.end;
  }
}

TEST(CaptionsTest, HighlightChangesColourAndMovesNothing) {
  const auto pages = Pages(Spoken("every word is lit in its turn"));
  ASSERT_EQ(pages.size(), 1U);
  const auto rest = RasteriseCaption(Spec(), pages[0], -1);
  const auto lit = RasteriseCaption(Spec(), pages[0], 2);
  ASSERT_TRUE(rest.ok()) << rest.status();
  ASSERT_TRUE(lit.ok()) << lit.status();
  EXPECT_EQ(rest->x, lit->x);
  EXPECT_EQ(rest->y, lit->y);
  ASSERT_EQ(rest->raster.width, lit->raster.width);
  ASSERT_EQ(rest->raster.height, lit->raster.height);
  EXPECT_NE(rest->raster.pixels, lit->raster.pixels);
  for (std::size_t i = 3; i < rest->raster.pixels.size(); i += 4) {
    ASSERT_EQ(rest->raster.pixels[i], lit->raster.pixels[i]);  // The same shapes.
  }
}

// Pixels of a page in Spec's two colours; `active` has no blue, `fill` has.
struct Colored {
  double active = 0, fill = 0;
};
Colored CountColors(const RasterText& text, int begin = 0, int end = 100'000) {
  Colored counted;
  for (int y = 0; y < text.raster.height; ++y) {
    for (int x = 0; x < text.raster.width; ++x) {
      if (x + text.x < begin || x + text.x >= end) continue;
      const std::uint8_t* p =
          &text.raster.pixels[static_cast<std::size_t>(y * text.raster.stride + 4 * x)];
      if (p[3] > 200) ++(p[0] > 128 ? counted.fill : counted.active);
    }
  }
  return counted;
}

RasterText Painted(const CaptionSpec& spec, const CaptionPage& page, int word, double phase) {
  const auto text = RasteriseCaption(spec, page, word, phase);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.value_or(RasterText{});
}

CaptionSpec SpecOf(CaptionEffect effect) {
  CaptionSpec spec = Spec();
  spec.effect = effect;
  return spec;
}

TEST(CaptionsTest, KaraokeColoursWhatHasBeenSungAndPartOfTheWordThatIs) {
  const CaptionSpec spec = SpecOf(CaptionEffect::kKaraoke);
  const auto pages = Pages(Spoken("sing HHHHHHHH song"), spec);
  ASSERT_EQ(pages.size(), 1U);
  const RasterText half = Painted(spec, pages[0], 1, 0.5);
  EXPECT_EQ(CountColors(half, 0, 240).fill, 0);
  EXPECT_EQ(CountColors(half, 260).active, 0);
  const double before = CountColors(Painted(spec, pages[0], 1, 0)).active;
  const double after = CountColors(Painted(spec, pages[0], 1, 1)).active;
  EXPECT_NEAR(CountColors(half).active, (before + after) / 2, 0.1 * after);
  // The end of one word is the beginning of the next.
  EXPECT_EQ(Painted(spec, pages[0], 1, 1).raster.pixels,
            Painted(spec, pages[0], 2, 0).raster.pixels);
}

TEST(CaptionsTest, KaraokeRunsFromTheRightInArabic) {
  const CaptionSpec spec = SpecOf(CaptionEffect::kKaraoke);
  const auto pages = Pages({{"بالعالم", 0, 14, absl::ZeroDuration(), kWord}}, spec);
  const RasterText half = Painted(spec, pages[0], 0, 0.5);
  const int middle = half.x + half.raster.width / 2;
  EXPECT_EQ(CountColors(half, 0, middle - 6).active, 0);
  EXPECT_EQ(CountColors(half, middle + 6).fill, 0);
}

TEST(CaptionsTest, PopGrowsTheWordAndSettles) {
  const CaptionSpec spec = SpecOf(CaptionEffect::kPop);
  const auto pages = Pages(Spoken("make it pop now"), spec);
  ASSERT_EQ(pages.size(), 1U);
  const double rest = CountColors(Painted(spec, pages[0], 2, 0)).active;
  EXPECT_GT(CountColors(Painted(spec, pages[0], 2, 0.25)).active, 1.2 * rest);
  EXPECT_EQ(Painted(spec, pages[0], 2, 1).raster.pixels,
            Painted(SpecOf(CaptionEffect::kHighlight), pages[0], 2, 0).raster.pixels);
}

TEST(CaptionsTest, PopLeavesALongWordsNeighboursAlone) {
  const CaptionSpec spec = SpecOf(CaptionEffect::kPop);
  const auto pages = Pages(Spoken("internationalization a"), spec);
  ASSERT_EQ(pages.size(), 1U);
  // The neighbour's ink is as much as while nothing grows over it.
  EXPECT_EQ(CountColors(Painted(spec, pages[0], 0, 0.25)).fill,
            CountColors(Painted(spec, pages[0], 0, 0)).fill);
}

TEST(CaptionsTest, TypewriterTypesWordsAsTheyAreSpoken) {
  const CaptionSpec spec = SpecOf(CaptionEffect::kTypewriter);
  const auto pages = Pages(Spoken("type it out"), spec);
  ASSERT_EQ(pages.size(), 1U);
  EXPECT_EQ(Painted(spec, pages[0], -1, 0).raster.width, 0);
  double before = 0;
  for (int word = 0; word < 3; ++word) {
    for (const double phase : {0.0, 0.5}) {
      const Colored shown = CountColors(Painted(spec, pages[0], word, phase));
      EXPECT_GT(shown.active + shown.fill, before) << word << " " << phase;
      before = shown.active + shown.fill;
    }
  }
  EXPECT_EQ(Painted(spec, pages[0], 2, 1).raster.pixels,
            Painted(SpecOf(CaptionEffect::kNone), pages[0], 2, 1).raster.pixels);
}

TEST(CaptionsTest, PhasesThatLookTheSameAreTheSame) {
  EXPECT_EQ(VisiblePhase(CaptionEffect::kNone, 0.4, 5), 0);
  EXPECT_EQ(VisiblePhase(CaptionEffect::kHighlight, 0.4, 5), 0);
  EXPECT_EQ(VisiblePhase(CaptionEffect::kKaraoke, 0.4, 5), 0.4);
  EXPECT_EQ(VisiblePhase(CaptionEffect::kPop, 0.8, 5), 1);
  // One of four letters from the start, and all of them before the word is over.
  EXPECT_EQ(VisiblePhase(CaptionEffect::kTypewriter, 0.2, 4), 0);
  EXPECT_EQ(VisiblePhase(CaptionEffect::kTypewriter, 0.25, 4), 0.25);
  EXPECT_EQ(VisiblePhase(CaptionEffect::kTypewriter, 0.8, 4), 0.75);
  EXPECT_EQ(VisiblePhase(CaptionEffect::kTypewriter, 1, 4), 0.75);
  const CaptionSpec spec = SpecOf(CaptionEffect::kTypewriter);
  const auto pages = Pages(Spoken("type"), spec);
  EXPECT_EQ(Painted(spec, pages[0], 0, 0.2).raster.pixels,
            Painted(spec, pages[0], 0, 0).raster.pixels);
  EXPECT_NE(Painted(spec, pages[0], 0, 0.25).raster.pixels,
            Painted(spec, pages[0], 0, 0).raster.pixels);
}

TEST(CaptionsTest, LetterCaseChangesTheScreenButNotTheSidecars) {
  CaptionSpec spec = Spec();
  const auto as_written = Pages(Spoken("quiet words"), spec);
  spec.letter_case = LetterCase::kUpper;
  const auto pages = Pages(Spoken("quiet words"), spec);
  EXPECT_GT(Painted(spec, pages[0], -1, 0).raster.width,
            Painted(Spec(), as_written[0], -1, 0).raster.width + 20);
  EXPECT_THAT(ToSrt(pages), HasSubstr("quiet words"));
}

std::vector<CaptionPage> CuePages(absl::string_view srt,
                                  const CaptionSpec& spec = Spec(),
                                  absl::Duration offset = absl::ZeroDuration()) {
  const auto subtitles = ParseSubtitles(srt);
  EXPECT_TRUE(subtitles.ok()) << subtitles.status();
  if (!subtitles.ok()) return {};
  const auto pages = PaginateCues(subtitles->cues, offset, spec);
  EXPECT_TRUE(pages.ok()) << pages.status();
  return pages.value_or(std::vector<CaptionPage>{});
}

TEST(CaptionsTest, CuesArePagesWithTheirOwnTimesAndLines) {
  const auto pages = CuePages(
      "1\n00:00:01,000 --> 00:00:02,000\nOne\ntwo three.\n\n"
      "2\n00:00:02,100 --> 00:00:02,300\nFour.\n",
      Spec(),
      absl::Seconds(10));
  ASSERT_EQ(pages.size(), 2U);
  EXPECT_EQ(pages[0].begin, absl::Seconds(11));
  EXPECT_EQ(pages[0].end, absl::Seconds(12));  // The file's word, however short the gap.
  EXPECT_THAT(pages[0].line_begins, ElementsAre(1));
  EXPECT_EQ(pages[1].end - pages[1].begin, absl::Milliseconds(200));
  const auto text = RasteriseCaption(Spec(), pages[0], -1);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_GT(text->raster.height, 60);  // Two lines, though one would hold them.
  EXPECT_NEAR(text->x + text->raster.width / 2.0, 250, 4);
  EXPECT_EQ(ToSrt(pages),
            "1\n00:00:11,000 --> 00:00:12,000\nOne\ntwo three.\n\n"
            "2\n00:00:12,100 --> 00:00:12,300\nFour.\n\n");
}

TEST(CaptionsTest, CueWhoseLinesDoNotFitIsBrokenAnew) {
  const auto pages = CuePages(
      "1\n00:00:00,000 --> 00:00:08,000\n"
      "this first line is much too long for the box that the template gives to its captions\n"
      "and so is the second line of it, which goes on and on\n");
  ASSERT_GE(pages.size(), 2U);
  EXPECT_EQ(pages.front().begin, absl::ZeroDuration());
  EXPECT_EQ(pages.back().end, absl::Seconds(8));
  for (std::size_t i = 0; i < pages.size(); ++i) {
    EXPECT_LE(pages[i].line_begins.size(), 1U);
    if (i > 0) {
      EXPECT_EQ(pages[i].begin, pages[i - 1].end);
    }
  }
}

TEST(CaptionsTest, LinesStandInTheMiddleOfTheBox) {
  const auto pages = Pages(Spoken("two lines of nearly the same length are here"));
  ASSERT_EQ(pages.size(), 1U);
  ASSERT_EQ(pages[0].line_begins.size(), 1U);
  const auto text = RasteriseCaption(Spec(), pages[0], -1);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_NEAR(text->x + text->raster.width / 2.0, 250, 4);
}

TEST(CaptionsTest, AutomaticSizeFillsTheBoxAndIsTheSameOnEveryPage) {
  CaptionSpec spec = Spec();
  spec.style.auto_fit = true;
  spec.box_w = 2000;
  for (const CaptionPage& page : Pages(Spoken("Short page. | A much longer page of words"), spec)) {
    const auto text = RasteriseCaption(spec, page, -1);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_NEAR(text->font_size_px, 200 / (2 * 1.2), 0.01);
  }
}

TEST(CaptionsTest, SilenceHasNoPages) {
  EXPECT_TRUE(Pages({}).empty());
  EXPECT_TRUE(Pages({{"  ", 0, 2, absl::ZeroDuration(), kWord}}).empty());
}

TEST(CaptionsTest, UnknownFontIsToldBeforeAnyFrame) {
  CaptionSpec spec = Spec();
  spec.style.font_family = "Intr";
  const auto pages = PaginateCaptions(Spoken("a word"), absl::ZeroDuration(), spec);
  EXPECT_THAT(std::string(pages.status().message()), HasSubstr("Inter"));
}

}  // namespace
}  // namespace rn
