// What a file is, by its first bytes: names and Content-Type are the sender's word alone.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/render.pb.h"

namespace rn {

// How much of a file's beginning the functions below want to see.
inline constexpr std::size_t kSniffBytes = 4096;

// "a JPEG picture", "an HTML page", "an empty file", "an unknown kind of file".
std::string Describe(absl::string_view beginning);

// OK when `beginning` is that of a file of `kind`, as far as the first bytes tell:
//   IMAGE      JPEG, PNG, WebP, GIF, BMP, TIFF
//   VIDEO      MP4 or QuickTime, WebM or Matroska
//   AUDIO      WAV, MP3, AAC, MP4 (M4A), Ogg, FLAC, WebM or Matroska
//   FONT       TrueType, OpenType, collections, WOFF, WOFF2
//   SUBTITLES  SubRip, WebVTT
//   unspecified: anything but an empty file and an HTML page
// InvalidArgument otherwise: "expected a picture (JPEG, …), got an HTML page".
absl::Status CheckContent(absl::string_view beginning, rendernode::Asset::Kind kind);

}  // namespace rn
