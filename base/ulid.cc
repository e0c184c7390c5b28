#include "base/ulid.h"

#include <openssl/rand.h>

#include <array>
#include <cstdint>

#include "base/status.h"

namespace rn {

std::string NewUlid(absl::Time now) {
  constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::array<unsigned char, 16> bytes{};
  CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  const auto milliseconds = static_cast<std::uint64_t>(absl::ToUnixMillis(now));
  for (int i = 0; i < 6; ++i) {
    bytes[static_cast<std::size_t>(i)] = static_cast<unsigned char>(milliseconds >> (40 - 8 * i));
  }
  // 128 bits as 26 digits of 5 bits, the first two bits being zero.
  std::string text;
  unsigned int window = 0;
  int bits = 2;
  for (const unsigned char byte : bytes) {
    window = (window << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text.push_back(kAlphabet[(window >> bits) & 31]);
    }
  }
  return text;
}

}  // namespace rn
