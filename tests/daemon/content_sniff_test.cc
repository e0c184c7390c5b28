#include "daemon/content_sniff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace rn {
namespace {

using rendernode::Asset;
using ::testing::HasSubstr;

// A string literal with its zero bytes.
template <std::size_t n>
std::string Bytes(const char (&literal)[n]) {
  return std::string(literal, n - 1) + std::string(64, '\0');
}

// The beginnings of real files, by what they are.
std::map<std::string, std::string> Samples() {
  return {
      {"a JPEG picture", Bytes("\xff\xd8\xff\xe0\0\x10JFIF")},
      {"a PNG picture", Bytes("\x89PNG\r\n\x1a\n\0\0\0\rIHDR")},
      {"a WebP picture", Bytes("RIFF\x24\0\0\0WEBPVP8 ")},
      {"a GIF picture", Bytes("GIF89a\1\0\1\0")},
      {"a BMP picture", Bytes("BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1")},
      {"a TIFF picture", Bytes("II*\0\x08\0\0\0")},
      {"an MP4 or QuickTime video",
       Bytes("\0\0\0\x20"
             "ftypisom\0\0\2\0")},
      {"a WebM or Matroska file", Bytes("\x1a\x45\xdf\xa3\x9f\x42\x86\x81")},
      {"a WAV sound", Bytes("RIFF\x24\0\0\0WAVEfmt ")},
      {"an MP3 sound", Bytes("\xff\xfb\x90\x64")},
      {"an AAC sound", Bytes("\xff\xf1\x50\x80")},
      {"an M4A sound",
       Bytes("\0\0\0\x20"
             "ftypM4A \0\0\0\0")},
      {"an Ogg file", Bytes("OggS\0\2")},
      {"a FLAC sound", Bytes("fLaC\0\0\0\x22")},
      {"a TrueType font", Bytes("\0\1\0\0\0\x12")},
      {"an OpenType font", Bytes("OTTO\0\x0c")},
      {"a WOFF font", Bytes("wOF2\0\1\0\0")},
      {"SubRip subtitles",
       "\xef\xbb\xbf"
       "1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\n"},
      {"WebVTT subtitles", "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"},
      {"an HTML page", "\n<!DOCTYPE HTML>\n<html><body>Please log in</body></html>"},
      {"an SVG picture", "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>"},
      {"a HEIF picture",
       Bytes("\0\0\0\x18"
             "ftypheic\0\0\0\0")},
      {"a JSON document", "{\"error\": \"expired\"}"},
      {"a ZIP archive", Bytes("PK\3\4\x14")},
      {"plain text", "Not found"},
      {"an empty file", ""},
      {"an unknown kind of file", Bytes("\1\2\3\4\5\6\7\x08")},
  };
}

std::vector<std::string> AcceptedAs(Asset::Kind kind) {
  std::vector<std::string> accepted;
  for (const auto& [what, beginning] : Samples()) {
    if (CheckContent(beginning, kind).ok()) {
      accepted.push_back(what);
    }
  }
  return accepted;
}

TEST(ContentSniff, EveryFormatIsToldByItsFirstBytes) {
  for (const auto& [what, beginning] : Samples()) {
    EXPECT_EQ(Describe(beginning), what);
  }
}

TEST(ContentSniff, AnAssetIsOfItsKindOrRefused) {
  EXPECT_THAT(AcceptedAs(Asset::IMAGE),
              ::testing::UnorderedElementsAre("a JPEG picture",
                                              "a PNG picture",
                                              "a WebP picture",
                                              "a GIF picture",
                                              "a BMP picture",
                                              "a TIFF picture"));
  EXPECT_THAT(
      AcceptedAs(Asset::VIDEO),
      ::testing::UnorderedElementsAre("an MP4 or QuickTime video", "a WebM or Matroska file"));
  EXPECT_THAT(AcceptedAs(Asset::AUDIO),
              ::testing::UnorderedElementsAre("a WAV sound",
                                              "an MP3 sound",
                                              "an AAC sound",
                                              "an M4A sound",
                                              "an Ogg file",
                                              "a FLAC sound",
                                              "an MP4 or QuickTime video",
                                              "a WebM or Matroska file"));
  EXPECT_THAT(
      AcceptedAs(Asset::FONT),
      ::testing::UnorderedElementsAre("a TrueType font", "an OpenType font", "a WOFF font"));
  EXPECT_THAT(AcceptedAs(Asset::SUBTITLES),
              ::testing::UnorderedElementsAre("SubRip subtitles", "WebVTT subtitles"));
}

TEST(ContentSniff, TheMessageSaysWhatWasExpectedAndWhatCameInstead) {
  EXPECT_EQ(CheckContent("<html>Sign in</html>", Asset::IMAGE).message(),
            "expected a picture (JPEG, PNG, WebP, GIF, BMP or TIFF), got an HTML page");
  EXPECT_THAT(std::string(CheckContent("", Asset::AUDIO).message()), HasSubstr("an empty file"));
}

TEST(ContentSniff, AFileOfAnyKindIsNeitherEmptyNorALoginPage) {
  EXPECT_TRUE(CheckContent("Not found", Asset::KIND_UNSPECIFIED).ok());
  EXPECT_FALSE(CheckContent("", Asset::KIND_UNSPECIFIED).ok());
  EXPECT_FALSE(CheckContent("<html>", Asset::KIND_UNSPECIFIED).ok());
}

// One byte more or less never reads beyond the end (AddressSanitizer looks on).
TEST(ContentSniff, ABeginningCutAnywhereIsJudgedByWhatThereIs) {
  for (const auto& [what, beginning] : Samples()) {
    for (std::size_t size = 0; size < beginning.size(); ++size) {
      const std::string cut(beginning.data(), size);
      EXPECT_FALSE(Describe(cut).empty());
    }
  }
}

}  // namespace
}  // namespace rn
