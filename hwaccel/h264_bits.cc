#include "hwaccel/h264_bits.h"

#include <algorithm>
#include <array>
#include <bit>

namespace rn {
namespace {

// After two zeros, a byte up to this one would look like a start code: a 3 is put in between.
constexpr std::uint8_t kEmulation = 3;

Rbsp WithoutEmulationPrevention(absl::Span<const std::uint8_t> bytes) {
  Rbsp unit;
  unit.reserve(bytes.size());
  int zeros = 0;
  for (const std::uint8_t byte : bytes) {
    if (zeros >= 2 && byte == kEmulation) {
      zeros = 0;
      continue;
    }
    unit.push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  return unit;
}

}  // namespace

std::vector<Rbsp> SplitByteStream(absl::Span<const std::uint8_t> bytes) {
  constexpr std::array<std::uint8_t, 3> kStartCode = {0, 0, 1};
  std::vector<Rbsp> units;
  auto begin = std::search(bytes.begin(), bytes.end(), kStartCode.begin(), kStartCode.end());
  while (begin != bytes.end()) {
    begin += kStartCode.size();
    const auto next = std::search(begin, bytes.end(), kStartCode.begin(), kStartCode.end());
    auto end = next;
    while (end != begin && *(end - 1) == 0) --end;  // trailing zeros, the next start code's fourth
    if (end != begin) {
      units.push_back(WithoutEmulationPrevention(bytes.subspan(
          static_cast<std::size_t>(begin - bytes.begin()), static_cast<std::size_t>(end - begin))));
    }
    begin = next;
  }
  return units;
}

void AppendToByteStream(const Rbsp& unit, std::vector<std::uint8_t>* bytes) {
  bytes->insert(bytes->end(), {0, 0, 0, 1});
  int zeros = 0;
  for (const std::uint8_t byte : unit) {
    if (zeros >= 2 && byte <= kEmulation) {
      bytes->push_back(kEmulation);
      zeros = 0;
    }
    bytes->push_back(byte);
    zeros = byte == 0 ? zeros + 1 : 0;
  }
  if (!unit.empty() && unit.back() == 0) bytes->push_back(kEmulation);  // cabac_zero_words
}

std::uint32_t BitReader::Bits(int count) {
  std::uint32_t value = 0;
  for (; count > 0; --count, ++at_) {
    const std::size_t byte = at_ / 8;
    if (byte >= unit_.size()) failed_ = true;
    const bool bit = byte < unit_.size() && ((unit_[byte] >> (7 - at_ % 8)) & 1) != 0;
    value = value << 1 | (bit ? 1U : 0U);
  }
  return value;
}

std::uint32_t BitReader::Ue() {
  constexpr int kZerosMax = 31;
  int zeros = 0;
  while (!Flag()) {
    if (++zeros > kZerosMax || failed_) {
      failed_ = true;
      return 0;
    }
  }
  return ((1U << zeros) - 1) + Bits(zeros);
}

std::int32_t BitReader::Se() {
  const std::uint32_t code = Ue();
  const auto magnitude = static_cast<std::int32_t>(code / 2 + code % 2);
  return code % 2 != 0 ? magnitude : -magnitude;
}

void BitWriter::Bits(std::uint32_t value, int count) {
  while (count-- > 0) {
    if (free_ == 0) {
      unit_.push_back(0);
      free_ = 8;
    }
    --free_;
    unit_.back() = static_cast<std::uint8_t>(unit_.back() | ((value >> count) & 1U) << free_);
  }
}

void BitWriter::Ue(std::uint32_t value) {
  const auto digits = static_cast<int>(std::bit_width(value + 1));
  Bits(0, digits - 1);
  Bits(value + 1, digits);
}

void BitWriter::Se(std::int32_t value) {
  Ue(value > 0 ? 2 * static_cast<std::uint32_t>(value) - 1
               : 2 * static_cast<std::uint32_t>(-value));
}

void BitWriter::Copy(BitReader& from, std::size_t end) {
  constexpr std::size_t kAtOnce = 32;
  while (from.position() < end) {
    const auto count = static_cast<int>(std::min(kAtOnce, end - from.position()));
    Bits(from.Bits(count), count);
  }
}

Rbsp BitWriter::Finish() {
  Flag(true);
  free_ = 0;  // The rest of the byte is zeros already.
  return std::move(unit_);
}

std::size_t EndOfData(const Rbsp& unit) {
  std::size_t size = unit.size();
  while (size > 0 && unit[size - 1] == 0) --size;
  if (size == 0) return 0;
  return 8 * size - 1 - static_cast<std::size_t>(std::countr_zero(unit[size - 1]));
}

}  // namespace rn
