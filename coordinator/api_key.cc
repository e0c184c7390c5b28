#include "coordinator/api_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr absl::string_view kPrefix = "rn_live_";
constexpr absl::string_view kAlphabet =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdChars = 12;
constexpr std::size_t kSecretChars = 43;  // 62^43 > 2^256
constexpr std::size_t kCheckChars = 6;
constexpr std::size_t kKeyChars = kPrefix.size() + kIdChars + kSecretChars + kCheckChars;

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
// Of what a row of the store may ask for.
constexpr int kLog2NMax = 17, kRMax = 16, kPMax = 4;
constexpr std::uint64_t kMemoryMax = std::uint64_t{300} << 20;

std::string RandomBytes(std::size_t size) {
  std::string bytes(size, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1);
  return bytes;
}

std::string RandomText(std::size_t size) {
  constexpr unsigned int kEven = 256 / kAlphabet.size() * kAlphabet.size();
  std::string text;
  while (text.size() < size) {
    for (const char byte : RandomBytes(size - text.size())) {
      if (static_cast<unsigned char>(byte) < kEven) {
        text.push_back(kAlphabet[static_cast<unsigned char>(byte) % kAlphabet.size()]);
      }
    }
  }
  return text;
}

std::string CheckOf(absl::string_view text) {
  std::uint64_t number = 0;
  (void)absl::SimpleHexAtoi(Sha256(text).substr(0, 16), &number);
  std::string check;
  for (std::size_t i = 0; i < kCheckChars; ++i) {
    check.push_back(kAlphabet[number % kAlphabet.size()]);
    number /= kAlphabet.size();
  }
  return check;
}

std::string Scrypt(absl::string_view text, absl::string_view salt, const ScryptCost& cost) {
  std::string hash(kHashBytes, '\0');
  CHECK(EVP_PBE_scrypt(text.data(),
                       text.size(),
                       reinterpret_cast<const unsigned char*>(salt.data()),
                       salt.size(),
                       std::uint64_t{1} << cost.log2_n,
                       static_cast<std::uint64_t>(cost.r),
                       static_cast<std::uint64_t>(cost.p),
                       kMemoryMax,
                       reinterpret_cast<unsigned char*>(hash.data()),
                       hash.size()) == 1);
  return hash;
}

bool ReadNumber(absl::string_view text, absl::string_view name, int max, int& number) {
  return absl::ConsumePrefix(&text, name) && absl::SimpleAtoi(text, &number) && number >= 1 &&
         number <= max;
}

bool ReadCost(absl::string_view text, ScryptCost& cost) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  return parts.size() == 3 && ReadNumber(parts[0], "ln=", kLog2NMax, cost.log2_n) &&
         ReadNumber(parts[1], "r=", kRMax, cost.r) && ReadNumber(parts[2], "p=", kPMax, cost.p);
}

}  // namespace

NewApiKey MakeApiKey() {
  NewApiKey key = {.id = RandomText(kIdChars)};
  key.text = absl::StrCat(kPrefix, key.id, RandomText(kSecretChars));
  absl::StrAppend(&key.text, CheckOf(key.text));
  return key;
}

std::optional<std::string> ApiKeyId(absl::string_view text) {
  if (text.size() != kKeyChars || !absl::StartsWith(text, kPrefix)) {
    return std::nullopt;
  }
  const absl::string_view rest = text.substr(kPrefix.size());
  if (!std::all_of(rest.begin(), rest.end(), absl::ascii_isalnum) ||
      CheckOf(text.substr(0, kKeyChars - kCheckChars)) != text.substr(kKeyChars - kCheckChars)) {
    return std::nullopt;
  }
  return std::string(rest.substr(0, kIdChars));
}

std::string ApiKeyName(absl::string_view id) {
  return absl::StrCat(kPrefix, id);
}

std::string HashApiKey(absl::string_view text, const ScryptCost& cost) {
  const std::string salt = RandomBytes(kSaltBytes);
  return absl::StrCat("$scrypt$ln=",
                      cost.log2_n,
                      ",r=",
                      cost.r,
                      ",p=",
                      cost.p,
                      "$",
                      absl::Base64Escape(salt),
                      "$",
                      absl::Base64Escape(Scrypt(text, salt, cost)));
}

absl::StatusOr<bool> ApiKeyMatches(absl::string_view text, absl::string_view hash) {
  const std::vector<absl::string_view> parts = absl::StrSplit(hash, '$');
  ScryptCost cost;
  std::string salt, wanted;
  if (parts.size() != 5 || !parts[0].empty() || parts[1] != "scrypt" || !ReadCost(parts[2], cost) ||
      !absl::Base64Unescape(parts[3], &salt) || !absl::Base64Unescape(parts[4], &wanted) ||
      salt.empty() || wanted.size() != kHashBytes) {
    return absl::DataLossError("the stored hash of an API key cannot be read");
  }
  const std::string computed = Scrypt(text, salt, cost);
  return CRYPTO_memcmp(computed.data(), wanted.data(), kHashBytes) == 0;
}

}  // namespace rn
