#include "daemon/content_sniff.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rn {
namespace {

using rendernode::Asset;

enum Format {
  kEmpty,
  kUnknown,
  kHtml,
  kXml,
  kJson,
  kText,
  kPdf,
  kZip,
  kGzip,
  kJpeg,
  kPng,
  kWebp,
  kGif,
  kBmp,
  kTiff,
  kHeif,
  kAvif,
  kSvg,
  kMp4,
  kMp4Audio,
  kMatroska,
  kAvi,
  kMpegPs,
  kWav,
  kMp3,
  kAac,
  kOgg,
  kFlac,
  kTrueType,
  kOpenType,
  kFontCollection,
  kWoff,
  kSubRip,
  kWebVtt,
};

constexpr std::array<const char*, kWebVtt + 1> kNames = {
    "an empty file",
    "an unknown kind of file",
    "an HTML page",
    "an XML document",
    "a JSON document",
    "plain text",
    "a PDF document",
    "a ZIP archive",
    "a gzip archive",
    "a JPEG picture",
    "a PNG picture",
    "a WebP picture",
    "a GIF picture",
    "a BMP picture",
    "a TIFF picture",
    "a HEIF picture",
    "an AVIF picture",
    "an SVG picture",
    "an MP4 or QuickTime video",
    "an M4A sound",
    "a WebM or Matroska file",
    "an AVI video",
    "an MPEG program stream",
    "a WAV sound",
    "an MP3 sound",
    "an AAC sound",
    "an Ogg file",
    "a FLAC sound",
    "a TrueType font",
    "an OpenType font",
    "a font collection",
    "a WOFF font",
    "SubRip subtitles",
    "WebVTT subtitles",
};

struct Magic {
  std::size_t offset;
  absl::string_view bytes;
  Format format;
};

// The longer before the shorter where one begins like the other.
constexpr Magic kMagics[] = {
    {0, absl::string_view("\xff\xd8\xff", 3), kJpeg},
    {0, absl::string_view("\x89PNG\r\n\x1a\n", 8), kPng},
    {0, "GIF87a", kGif},
    {0, "GIF89a", kGif},
    {0, absl::string_view("II*\0", 4), kTiff},
    {0, absl::string_view("MM\0*", 4), kTiff},
    {0, absl::string_view("II+\0", 4), kTiff},  // BigTIFF.
    {0, absl::string_view("MM\0+", 4), kTiff},
    {0, absl::string_view("\x1a\x45\xdf\xa3", 4), kMatroska},
    {0, "OggS", kOgg},
    {0, "fLaC", kFlac},
    {0, "ID3", kMp3},
    {0, absl::string_view("\0\1\0\0", 4), kTrueType},
    {0, "true", kTrueType},
    {0, "OTTO", kOpenType},
    {0, "ttcf", kFontCollection},
    {0, "wOFF", kWoff},
    {0, "wOF2", kWoff},
    {0, "%PDF-", kPdf},
    {0, absl::string_view("PK\3\4", 4), kZip},
    {0, absl::string_view("\x1f\x8b", 2), kGzip},
    {0, absl::string_view("\0\0\1\xba", 4), kMpegPs},
    {4, "moov", kMp4},  // QuickTime before the ftyp box was invented.
    {4, "mdat", kMp4},
    {4, "wide", kMp4},
};

bool Has(absl::string_view bytes, std::size_t offset, absl::string_view magic) {
  return bytes.size() >= offset + magic.size() && bytes.substr(offset, magic.size()) == magic;
}

std::uint8_t At(absl::string_view bytes, std::size_t index) {
  return index < bytes.size() ? static_cast<std::uint8_t>(bytes[index]) : 0;
}

Format Iso(absl::string_view bytes) {
  const absl::string_view brand = bytes.size() >= 12 ? bytes.substr(8, 4) : "";
  if (brand == "M4A " || brand == "M4B ") {
    return kMp4Audio;
  }
  if (brand == "avif" || brand == "avis") {
    return kAvif;
  }
  for (const absl::string_view heif : {"heic", "heix", "hevc", "mif1", "msf1"}) {
    if (brand == heif) {
      return kHeif;
    }
  }
  return kMp4;
}

Format Riff(absl::string_view bytes) {
  return Has(bytes, 8, "WEBP")   ? kWebp
         : Has(bytes, 8, "WAVE") ? kWav
         : Has(bytes, 8, "AVI ") ? kAvi
                                 : kUnknown;
}

// A bitmap's header says its own size: 12 bytes of OS/2, 40 and more of Windows.
bool IsBmp(absl::string_view bytes) {
  const std::uint8_t header = At(bytes, 14);
  return Has(bytes, 0, "BM") && bytes.size() > 18 && (header == 12 || header >= 40) &&
         At(bytes, 15) == 0;
}

// MPEG audio and ADTS share the sync word; the layer tells them apart (ADTS: 0).
Format MpegAudio(absl::string_view bytes) {
  if (At(bytes, 0) != 0xff || (At(bytes, 1) & 0xe0) != 0xe0) {
    return kUnknown;
  }
  const int layer = (At(bytes, 1) >> 1) & 3;
  if (layer == 0) {
    return (At(bytes, 1) & 0xf0) == 0xf0 ? kAac : kUnknown;
  }
  const int version = (At(bytes, 1) >> 3) & 3;
  const int bit_rate = At(bytes, 2) >> 4;
  const int sample_rate = (At(bytes, 2) >> 2) & 3;
  return version != 1 && bit_rate != 0xf && sample_rate != 3 ? kMp3 : kUnknown;
}

bool IsText(absl::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f');
  });
}

// "1", then "00:00:01,000 --> …".
bool IsSubRip(absl::string_view text) {
  const std::size_t digits = static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), absl::ascii_isdigit) - text.begin());
  const absl::string_view rest = absl::StripLeadingAsciiWhitespace(text.substr(digits));
  const absl::string_view line = rest.substr(0, rest.find('\n'));
  return digits > 0 && !line.empty() && absl::ascii_isdigit(static_cast<unsigned char>(line[0])) &&
         absl::StrContains(line, "-->");
}

Format Text(absl::string_view bytes) {
  absl::ConsumePrefix(&bytes, "\xef\xbb\xbf");
  if (absl::StartsWith(bytes, "WEBVTT")) {
    return kWebVtt;
  }
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(bytes);
  if (IsSubRip(text)) {
    return kSubRip;
  }
  const std::string lower = absl::AsciiStrToLower(text.substr(0, 512));
  for (const absl::string_view tag :
       {"<!doctype html", "<html", "<head", "<body", "<script", "<title", "<meta", "<div", "<p>"}) {
    if (absl::StartsWith(lower, tag)) {
      return kHtml;
    }
  }
  if (absl::StartsWith(lower, "<")) {
    return absl::StrContains(lower, "<svg")    ? kSvg
           : absl::StrContains(lower, "<html") ? kHtml
                                               : kXml;
  }
  if (absl::StartsWith(lower, "{") || absl::StartsWith(lower, "[")) {
    return kJson;
  }
  return IsText(bytes) ? kText : kUnknown;
}

Format Sniff(absl::string_view bytes) {
  if (bytes.empty()) {
    return kEmpty;
  }
  if (Has(bytes, 4, "ftyp")) {
    return Iso(bytes);
  }
  if (Has(bytes, 0, "RIFF")) {
    return Riff(bytes);
  }
  for (const Magic& magic : kMagics) {
    if (Has(bytes, magic.offset, magic.bytes)) {
      return magic.format;
    }
  }
  if (IsBmp(bytes)) {
    return kBmp;
  }
  const Format audio = MpegAudio(bytes);
  return audio != kUnknown ? audio : Text(bytes);
}

struct Expectation {
  const char* what;
  bool (*accepts)(Format format);
};

Expectation Expected(Asset::Kind kind) {
  switch (kind) {
    case Asset::IMAGE:
      return {"a picture (JPEG, PNG, WebP, GIF, BMP or TIFF)",
              [](Format format) { return format >= kJpeg && format <= kTiff; }};
    case Asset::VIDEO:
      return {"a video (MP4, QuickTime, WebM or Matroska)",
              [](Format format) { return format == kMp4 || format == kMatroska; }};
    case Asset::AUDIO:
      return {"a sound (WAV, MP3, AAC, M4A, Ogg, FLAC or WebM)", [](Format format) {
                return (format >= kWav && format <= kFlac) || format == kMp4Audio ||
                       format == kMp4 || format == kMatroska;
              }};
    case Asset::FONT:
      return {"a font (TrueType, OpenType or WOFF)",
              [](Format format) { return format >= kTrueType && format <= kWoff; }};
    case Asset::SUBTITLES:
      return {"subtitles (SubRip or WebVTT)",
              [](Format format) { return format == kSubRip || format == kWebVtt; }};
    default:  // Unspecified, or of a newer coordinator.
      return {"a file", [](Format format) { return format != kEmpty && format != kHtml; }};
  }
}

}  // namespace

std::string Describe(absl::string_view beginning) {
  return kNames[Sniff(beginning)];
}

absl::Status CheckContent(absl::string_view beginning, Asset::Kind kind) {
  const Format format = Sniff(beginning);
  const Expectation expected = Expected(kind);
  if (expected.accepts(format)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expected ", expected.what, ", got ", kNames[format]));
}

}  // namespace rn
