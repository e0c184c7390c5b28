#include "pipeline/image_header.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr char kValid[] = "valid are JPEG, PNG, WebP, GIF, BMP and TIFF";

// The size is worth knowing all the same: a bomb is refused as one, truncated or not.
ImageHeader Truncated(ImageHeader header) {
  header.whole = false;
  return header;
}

// Integers out of bytes; what lies outside is an absence, never a read.
class Bytes {
 public:
  Bytes(absl::string_view data, bool little_endian) : data_(data), little_(little_endian) {}

  std::size_t size() const { return data_.size(); }
  absl::string_view data() const { return data_; }

  std::optional<std::uint32_t> Get(std::size_t at, std::size_t count) const {
    if (at > data_.size() || data_.size() - at < count) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t from = little_ ? at + count - 1 - i : at + i;
      value = value << 8 | static_cast<std::uint8_t>(data_[from]);
    }
    return value;
  }
  std::uint32_t Or0(std::size_t at, std::size_t count) const { return Get(at, count).value_or(0); }

 private:
  absl::string_view data_;
  bool little_;
};

int Side(std::uint32_t claimed) {
  return static_cast<int>(std::min<std::uint32_t>(claimed, std::numeric_limits<int>::max()));
}

// ------------------------------------------------------------------- TIFF, and EXIF within others
constexpr std::uint32_t kTagWidth = 256, kTagHeight = 257, kTagStripOffsets = 273,
                        kTagOrientation = 274, kTagStripByteCounts = 279, kTagTileOffsets = 324,
                        kTagTileByteCounts = 325;
constexpr std::uint32_t kTypeShort = 3;

struct TiffValues {
  std::size_t at = 0;  // of the first value
  std::size_t count = 0;
  std::size_t width = 0;  // bytes of each: 2 or 4
};

// The first directory of a TIFF structure.
class Tiff {
 public:
  static std::optional<Tiff> Open(absl::string_view data) {
    const bool little = absl::StartsWith(data, absl::string_view("II*\0", 4));
    if (!little && !absl::StartsWith(data, absl::string_view("MM\0*", 4))) return std::nullopt;
    Tiff tiff(Bytes(data, little));
    tiff.directory_ = tiff.bytes_.Or0(4, 4);
    const auto entries = tiff.bytes_.Get(tiff.directory_, 2);
    // The directory ends with the place of the next one.
    if (!entries.has_value() ||
        !tiff.bytes_.Get(tiff.directory_ + 2 + *entries * kEntryBytes, 4).has_value()) {
      return std::nullopt;
    }
    tiff.entries_ = *entries;
    return tiff;
  }

  std::optional<TiffValues> Find(std::uint32_t tag) const {
    for (std::size_t i = 0; i < entries_; ++i) {
      const std::size_t entry = directory_ + 2 + i * kEntryBytes;
      if (bytes_.Get(entry, 2) != tag) continue;
      TiffValues values;
      values.count = bytes_.Or0(entry + 4, 4);
      values.width = bytes_.Or0(entry + 2, 2) == kTypeShort ? 2 : 4;
      const bool inside = values.count * values.width <= 4;
      values.at = inside ? entry + 8 : bytes_.Or0(entry + 8, 4);
      return values;
    }
    return std::nullopt;
  }

  std::uint32_t Number(std::uint32_t tag, std::uint32_t otherwise) const {
    const auto values = Find(tag);
    return values.has_value() ? bytes_.Get(values->at, values->width).value_or(otherwise)
                              : otherwise;
  }

  // Every strip (or tile) lies within the file.
  bool DataPresent(std::uint32_t offsets_tag, std::uint32_t counts_tag) const {
    const auto offsets = Find(offsets_tag);
    const auto counts = Find(counts_tag);
    if (!offsets.has_value() || !counts.has_value() || offsets->count == 0) return false;
    for (std::size_t i = 0; i < std::min(offsets->count, counts->count); ++i) {
      const auto at = bytes_.Get(offsets->at + i * offsets->width, offsets->width);
      const auto count = bytes_.Get(counts->at + i * counts->width, counts->width);
      if (!at.has_value() || !count.has_value()) return false;
      if (std::size_t{*at} + *count > bytes_.size()) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kEntryBytes = 12;
  explicit Tiff(Bytes bytes) : bytes_(bytes) {}

  Bytes bytes_;
  std::size_t directory_ = 0;
  std::size_t entries_ = 0;
};

int OrientationOf(const Tiff& tiff) {
  const std::uint32_t value = tiff.Number(kTagOrientation, 1);
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

int ExifOrientation(absl::string_view exif) {
  absl::ConsumePrefix(&exif, absl::string_view("Exif\0\0", 6));
  const auto tiff = Tiff::Open(exif);
  return tiff.has_value() ? OrientationOf(*tiff) : 1;
}

ImageHeader ReadTiff(absl::string_view data) {
  const auto tiff = Tiff::Open(data);
  if (!tiff.has_value()) return Truncated({ImageFormat::kTiff});
  const ImageHeader header{ImageFormat::kTiff,
                           Side(tiff->Number(kTagWidth, 0)),
                           Side(tiff->Number(kTagHeight, 0)),
                           OrientationOf(*tiff)};
  const bool whole = tiff->DataPresent(kTagStripOffsets, kTagStripByteCounts) ||
                     tiff->DataPresent(kTagTileOffsets, kTagTileByteCounts);
  return whole ? header : Truncated(header);
}

// ------------------------------------------------------------------- JPEG
constexpr std::uint32_t kMarkerEnd = 0xD9, kMarkerScan = 0xDA, kMarkerExif = 0xE1;

// SOF0…SOF15 without DHT, JPG and DAC.
bool IsFrameMarker(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

ImageHeader ReadJpeg(absl::string_view data) {
  const Bytes bytes(data, false);
  ImageHeader header{ImageFormat::kJpeg};
  std::size_t at = 2;
  while (true) {
    const auto byte = bytes.Get(at, 1);
    if (!byte.has_value()) return Truncated(header);
    const std::uint32_t marker = bytes.Or0(at + 1, 1);
    if (*byte != 0xFF || marker == 0xFF || marker == 0) {  // Padding.
      ++at;
      continue;
    }
    if (marker == kMarkerScan) break;
    if (marker == kMarkerEnd) return Truncated(header);
    const std::size_t length = bytes.Or0(at + 2, 2);
    if (length < 2 || at + 2 + length > data.size()) return Truncated(header);
    const absl::string_view segment = data.substr(at + 4, length - 2);
    if (IsFrameMarker(marker)) {
      header.height = Side(bytes.Or0(at + 5, 2));
      header.width = Side(bytes.Or0(at + 7, 2));
    } else if (marker == kMarkerExif && absl::StartsWith(segment, "Exif")) {
      header.orientation = ExifOrientation(segment);
    }
    at += 2 + length;
  }
  // Entropy-coded data never holds this pair: it is the end of the picture, or was cut off.
  if (data.find("\xFF\xD9", at) == absl::string_view::npos) return Truncated(header);
  return header;
}

// ------------------------------------------------------------------- PNG, WebP, GIF, BMP
ImageHeader ReadPng(absl::string_view data) {
  const Bytes bytes(data, false);
  ImageHeader header{ImageFormat::kPng};
  constexpr std::size_t kSignatureBytes = 8, kChunkOverheadBytes = 12;
  for (std::size_t at = kSignatureBytes; at + kChunkOverheadBytes <= data.size();) {
    const std::size_t length = bytes.Or0(at, 4);
    const absl::string_view type = data.substr(at + 4, 4);
    if (type == "IEND") return header;
    if (type == "IHDR") {
      header.width = Side(bytes.Or0(at + 8, 4));
      header.height = Side(bytes.Or0(at + 12, 4));
    } else if (type == "eXIf" && length <= data.size()) {
      header.orientation = ExifOrientation(data.substr(at + 8, length));
    }
    at += kChunkOverheadBytes + length;
  }
  return Truncated(header);
}

absl::StatusOr<ImageHeader> ReadWebp(absl::string_view data) {
  const Bytes bytes(data, true);
  ImageHeader header{ImageFormat::kWebp};
  if (std::size_t{bytes.Or0(4, 4)} + 8 > data.size()) return Truncated(header);
  bool whole = false;
  for (std::size_t at = 12; at + 8 <= data.size();) {
    const absl::string_view type = data.substr(at, 4);
    const std::size_t length = bytes.Or0(at + 4, 4);
    const std::size_t body = at + 8;
    if (length > data.size() - body) return Truncated(header);
    if (type == "ANIM" || type == "ANMF") {
      return absl::InvalidArgumentError("an animated WebP; use a still one, or GIF");
    }
    if (type == "VP8 ") {
      whole = true;
      header.width = Side(bytes.Or0(body + 6, 2) & 0x3FFF);
      header.height = Side(bytes.Or0(body + 8, 2) & 0x3FFF);
    } else if (type == "VP8L") {
      whole = true;
      const std::uint32_t packed = bytes.Or0(body + 1, 4);
      header.width = Side((packed & 0x3FFF) + 1);
      header.height = Side((packed >> 14 & 0x3FFF) + 1);
    } else if (type == "EXIF") {
      header.orientation = ExifOrientation(data.substr(body, length));
    }
    at = body + length + (length & 1);
  }
  if (!whole) return Truncated(header);
  return header;
}

// One past a chain of GIF sub-blocks; nothing when the file ends within it.
std::optional<std::size_t> AfterSubBlocks(const Bytes& bytes, std::size_t at) {
  while (const auto length = bytes.Get(at, 1)) {
    if (*length == 0) return at + 1;
    at += 1 + *length;
  }
  return std::nullopt;
}

std::size_t GifTableBytes(std::uint32_t flags) {
  return (flags & 0x80) != 0 ? std::size_t{3} << ((flags & 7) + 1) : 0;
}

ImageHeader ReadGif(absl::string_view data) {
  const Bytes bytes(data, true);
  const ImageHeader header{ImageFormat::kGif, Side(bytes.Or0(6, 2)), Side(bytes.Or0(8, 2)), 1};
  constexpr std::size_t kScreenBytes = 13, kImageBytes = 10;
  std::size_t at = kScreenBytes + GifTableBytes(bytes.Or0(10, 1));
  while (const auto block = bytes.Get(at, 1)) {
    constexpr std::uint32_t kExtension = 0x21, kImage = 0x2C;
    const bool image = *block == kImage;
    if (!image && *block != kExtension) break;
    const std::size_t blocks =
        image ? at + kImageBytes + GifTableBytes(bytes.Or0(at + 9, 1)) + 1 : at + 2;
    const auto after = AfterSubBlocks(bytes, blocks);
    if (!after.has_value()) break;
    if (image) return header;
    at = *after;
  }
  return Truncated(header);
}

ImageHeader ReadBmp(absl::string_view data) {
  const Bytes bytes(data, true);
  constexpr std::size_t kHeadersBytes = 26;
  if (data.size() < kHeadersBytes || bytes.Or0(10, 4) >= data.size()) {
    return Truncated({ImageFormat::kBmp});
  };
  constexpr std::uint32_t kOs2HeaderBytes = 12;
  if (bytes.Or0(14, 4) == kOs2HeaderBytes) {
    return ImageHeader{ImageFormat::kBmp, Side(bytes.Or0(18, 2)), Side(bytes.Or0(20, 2)), 1};
  }
  // A negative height means that the rows run from the top.
  const auto height = static_cast<std::int32_t>(bytes.Or0(22, 4));
  const auto rows = static_cast<std::uint32_t>(std::abs(std::int64_t{height}));
  const ImageHeader header{ImageFormat::kBmp, Side(bytes.Or0(18, 4)), Side(rows), 1};
  constexpr std::uint32_t kUncompressed = 0;
  const std::uint64_t row_bytes =
      (std::uint64_t{bytes.Or0(18, 4)} * bytes.Or0(28, 2) + 31) / 32 * 4;
  if (bytes.Or0(30, 4) == kUncompressed && row_bytes * rows > data.size() - bytes.Or0(10, 4)) {
    return Truncated(header);
  }
  return header;
}

// What people put in an image's place, in their words.
absl::Status NotAnImage(absl::string_view data) {
  const std::string start = absl::AsciiStrToLower(absl::StripAsciiWhitespace(data.substr(0, 512)));
  if (absl::StartsWith(start, "<!doctype html") || absl::StartsWith(start, "<html") ||
      absl::StrContains(start, "<head") || absl::StrContains(start, "<body")) {
    return absl::InvalidArgumentError(absl::StrCat("a web page, not an image; ", kValid));
  }
  if (absl::StartsWith(start, "<svg") || absl::StrContains(start, "<svg ")) {
    return absl::InvalidArgumentError(absl::StrCat("an SVG drawing is not supported; ", kValid));
  }
  if (data.size() > 12 && data.substr(4, 4) == "ftyp") {
    return absl::InvalidArgumentError(
        absl::StrCat("an AVIF, HEIC or MP4 file is not supported as an image; ", kValid));
  }
  constexpr std::size_t kShownBytes = 8;
  return absl::InvalidArgumentError(absl::StrCat("not an image (begins with \"",
                                                 absl::CHexEscape(data.substr(0, kShownBytes)),
                                                 "\"); ",
                                                 kValid));
}

absl::StatusOr<ImageHeader> Dispatch(absl::string_view data) {
  if (data.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the file is empty (0 bytes); ", kValid));
  }
  if (absl::StartsWith(data, "\xFF\xD8\xFF")) return ReadJpeg(data);
  if (absl::StartsWith(data, "\x89PNG\r\n\x1A\n")) return ReadPng(data);
  if (absl::StartsWith(data, "RIFF") && absl::ClippedSubstr(data, 8, 4) == "WEBP")
    return ReadWebp(data);
  if (absl::StartsWith(data, "GIF87a") || absl::StartsWith(data, "GIF89a")) return ReadGif(data);
  if (absl::StartsWith(data, "BM")) return ReadBmp(data);
  if (absl::StartsWith(data, "II*") || absl::StartsWith(data, absl::string_view("MM\0*", 4))) {
    return ReadTiff(data);
  }
  return NotAnImage(data);
}

}  // namespace

absl::StatusOr<ImageHeader> ReadImageHeader(absl::string_view bytes) {
  ASSIGN_OR_RETURN(const ImageHeader header, Dispatch(bytes));
  if (header.whole && (header.width <= 0 || header.height <= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("an image of ", header.width, "x", header.height, " pixels"));
  }
  return header;
}

}  // namespace rn
