// Pictures, sounds and a clip to render with, made on the spot: the same every time (the clip as
// far as the machine's ffmpeg encodes the same). Each function writes one file.
#pragma once

#include <array>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "proto/render.pb.h"

namespace rn {

// A landscape, 1920 × 1440, JPEG; another one for every `seed`.
absl::Status WritePhoto(const std::filesystem::path& path, std::uint32_t seed);

// 20 s of chords and a beat, AAC in MPEG-4.
absl::Status WriteMusic(const std::filesystem::path& path);

// `text` spoken, AAC in MPEG-4.
absl::Status WriteSpeech(const std::filesystem::path& path,
                         absl::string_view text,
                         const rendernode::Voice& voice);

// 1080p30 H.264 as from a camera held by hand: a slow pan over one photo, a cut, another, and the
// grain of film. Needs the `ffmpeg` program.
absl::Status WriteClip(const std::filesystem::path& path,
                       const std::array<std::filesystem::path, 2>& photos,
                       double seconds);

}  // namespace rn
