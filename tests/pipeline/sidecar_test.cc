#include <gtest/gtest.h>

#include "pipeline/captions.h"

namespace rn {
namespace {

SpokenWord Word(const std::string& text) {
  return {text};
}

CaptionPage Page(absl::Duration begin, absl::Duration end, std::vector<SpokenWord> words) {
  CaptionPage page;
  page.begin = begin;
  page.end = end;
  page.words = std::move(words);
  return page;
}

TEST(SidecarTest, SrtHasNumbersTimesAndLines) {
  CaptionPage first = Page(absl::Milliseconds(400),
                           absl::Milliseconds(2650),
                           {Word("The"), Word("lake"), Word("is"), Word("calm.")});
  first.line_begins = {2};
  const CaptionPage second =
      Page(absl::Hours(1) + absl::Minutes(2) + absl::Milliseconds(3004),
           absl::Hours(1) + absl::Minutes(2) + absl::Milliseconds(4999) + absl::Microseconds(700),
           {Word("Bye.")});
  EXPECT_EQ(ToSrt({first, second}),
            "1\n00:00:00,400 --> 00:00:02,650\nThe lake\nis calm.\n\n"
            "2\n01:02:03,004 --> 01:02:05,000\nBye.\n\n");
}

TEST(SidecarTest, VttEscapesWhatWouldBeMarkup) {
  EXPECT_EQ(
      ToVtt({Page(
          absl::ZeroDuration(), absl::Seconds(1), {Word("R&D"), Word("<b>"), Word("a-->b")})}),
      "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nR&amp;D &lt;b&gt; a--&gt;b\n\n");
}

TEST(SidecarTest, NoCueIsWithoutLength) {
  const absl::Duration at = absl::Seconds(2);
  EXPECT_EQ(ToSrt({Page(at, at, {Word("x")})}), "1\n00:00:02,000 --> 00:00:02,001\nx\n\n");
}

TEST(SidecarTest, NothingSpokenIsAnEmptyButValidFile) {
  EXPECT_EQ(ToSrt({}), "");
  EXPECT_EQ(ToVtt({}), "WEBVTT\n\n");
}

}  // namespace
}  // namespace rn
