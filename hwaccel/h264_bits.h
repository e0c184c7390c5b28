// H.264's units bit by bit (ITU-T H.264, 7.2, 7.3 and 9.1): what rewriting a header takes.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace rn {

// A NAL unit, its header byte in front, without start code and emulation prevention.
using Rbsp = std::vector<std::uint8_t>;

enum class NalType { kSlice = 1, kIdrSlice = 5, kSei = 6, kSps = 7, kPps = 8 };
inline NalType TypeOf(const Rbsp& unit) {
  return static_cast<NalType>(unit.at(0) & 0x1F);
}
// Whether others may refer to the picture.
inline bool IsReference(const Rbsp& slice) {
  return (slice.at(0) & 0x60) != 0;
}

// The units of a byte stream (Annex B).
std::vector<Rbsp> SplitByteStream(absl::Span<const std::uint8_t> bytes);

// Appends `unit` with a start code of four bytes and emulation prevention.
void AppendToByteStream(const Rbsp& unit, std::vector<std::uint8_t>* bytes);

// Reading past the end gives zeros and is remembered.
class BitReader {
 public:
  explicit BitReader(const Rbsp& unit) : unit_(unit) {}  // `unit` outlives us.

  std::uint32_t Bits(int count);  // 0 … 32
  bool Flag() { return Bits(1) != 0; }
  std::uint32_t Ue();  // ue(v): unsigned Exp-Golomb
  std::int32_t Se();   // se(v)

  std::size_t position() const { return at_; }  // in bits
  void Seek(std::size_t position) { at_ = position; }
  bool failed() const { return failed_; }

 private:
  const Rbsp& unit_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

class BitWriter {
 public:
  void Bits(std::uint32_t value, int count);  // 0 … 32
  void Flag(bool value) { Bits(value ? 1 : 0, 1); }
  void Ue(std::uint32_t value);
  void Se(std::int32_t value);
  // Bits [reader's position, end) of what `from` reads.
  void Copy(BitReader& from, std::size_t end);
  // rbsp_trailing_bits, and the unit that is now whole.
  Rbsp Finish();
  // What has been written, which are whole bytes.
  const Rbsp& bytes() const { return unit_; }

 private:
  Rbsp unit_;
  int free_ = 0;  // bits of the last byte
};

// Where rbsp_trailing_bits begin: the position of the last 1. 0: there is none.
std::size_t EndOfData(const Rbsp& unit);

}  // namespace rn
