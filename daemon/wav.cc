#include "daemon/wav.h"

#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kRiffHeader = 12, kChunkHeader = 8, kFormatBytes = 16;
constexpr std::uint32_t kPcm = 1, kFloat = 3, kExtensible = 0xFFFE;
constexpr std::uint32_t kRateMin = 8000, kRateMax = 192000;
constexpr std::size_t kShownBytes = 16;

std::uint32_t Read(absl::string_view bytes, std::size_t at, int width) {
  std::uint32_t value = 0;
  for (int i = 0; i < width; ++i) {
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)])}
             << (8 * i);
  }
  return value;
}

void Append(std::string& bytes, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) {
    bytes.push_back(static_cast<char>(value >> (8 * i)));
  }
}

absl::Status CheckFormat(absl::string_view chunk) {
  const std::uint32_t format = Read(chunk, 0, 2), channels = Read(chunk, 2, 2);
  const std::uint32_t rate = Read(chunk, 4, 4), bits = Read(chunk, 14, 2);
  const bool sane = (format == kPcm || format == kFloat || format == kExtensible) &&
                    (channels == 1 || channels == 2) && rate >= kRateMin && rate <= kRateMax &&
                    bits >= 16 && bits <= 32;
  return sane ? absl::OkStatus()
              : absl::InvalidArgumentError(absl::StrCat("a WAV file of format ",
                                                        format,
                                                        ", ",
                                                        channels,
                                                        " channels, ",
                                                        rate,
                                                        " Hz, ",
                                                        bits,
                                                        " bits; valid: 16 to 32 bit PCM or float, "
                                                        "1 or 2 channels, 8 to 192 kHz"));
}

}  // namespace

absl::Status CheckWav(absl::string_view bytes) {
  if (bytes.size() < kRiffHeader || !absl::StartsWith(bytes, "RIFF") ||
      bytes.substr(8, 4) != "WAVE") {
    return absl::InvalidArgumentError(
        bytes.empty() ? "no bytes at all, where a WAV file was expected"
                      : absl::StrCat("no WAV file; it begins with \"",
                                     absl::CHexEscape(bytes.substr(0, kShownBytes)),
                                     "\""));
  }
  bool format = false;
  for (std::size_t at = kRiffHeader; at + kChunkHeader <= bytes.size();) {
    const absl::string_view name = bytes.substr(at, 4);
    const std::size_t size = Read(bytes, at + 4, 4);
    const absl::string_view chunk = bytes.substr(at + kChunkHeader);
    if (name == "fmt " && size >= kFormatBytes && chunk.size() >= kFormatBytes) {
      RETURN_IF_ERROR(CheckFormat(chunk));
      format = true;
    }
    if (name == "data") {
      return format && chunk.size() > 1
                 ? absl::OkStatus()
                 : absl::InvalidArgumentError("a WAV file without sound in it");
    }
    at += kChunkHeader + size + size % 2;
  }
  return absl::InvalidArgumentError("a WAV file without sound in it");
}

std::string WavOf(absl::string_view samples, std::int64_t sample_rate) {
  constexpr int kBits = 16, kBlock = 2;
  const std::uint64_t rate = static_cast<std::uint64_t>(sample_rate);
  std::string wav = "RIFF";
  Append(wav, 36 + samples.size(), 4);
  wav += "WAVEfmt ";
  Append(wav, kFormatBytes, 4);
  Append(wav, kPcm, 2);
  Append(wav, 1, 2);
  Append(wav, rate, 4);
  Append(wav, rate * kBlock, 4);
  Append(wav, kBlock, 2);
  Append(wav, kBits, 2);
  wav += "data";
  Append(wav, samples.size(), 4);
  wav.append(samples.data(), samples.size());
  return wav;
}

}  // namespace rn
