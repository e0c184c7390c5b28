#include "coordinator/secret_box.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/secret_file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr absl::string_view kForm = "gcm1:";
constexpr std::size_t kKeyHexDigits = 64;
constexpr int kNonceBytes = 12, kTagBytes = 16;
constexpr std::int64_t kFileBytesMax = 4096;

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

const unsigned char* In(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* Out(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

int Size(absl::string_view text) {
  return static_cast<int>(text.size());
}

}  // namespace

absl::StatusOr<SecretBox> SecretBox::Load(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadSecret(path, kFileBytesMax));
  if (text.size() != kKeyHexDigits ||
      !std::all_of(text.begin(), text.end(), absl::ascii_isxdigit)) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(),
                                                   ": must hold ",
                                                   kKeyHexDigits,
                                                   " hex digits, as `openssl rand -hex 32` makes"));
  }
  return SecretBox(absl::HexStringToBytes(text));
}

std::string SecretBox::Seal(absl::string_view secret, absl::string_view owner) const {
  std::string nonce(kNonceBytes, '\0'), sealed(secret.size(), '\0'), tag(kTagBytes, '\0');
  CHECK(RAND_bytes(Out(nonce), kNonceBytes) == 1);
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  CHECK(context != nullptr &&
        EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, In(key_), In(nonce)) == 1 &&
        EVP_EncryptUpdate(context.get(), nullptr, &size, In(owner), Size(owner)) == 1 &&
        EVP_EncryptUpdate(context.get(), Out(sealed), &size, In(secret), Size(secret)) == 1 &&
        EVP_EncryptFinal_ex(context.get(), Out(sealed) + size, &size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1);
  return absl::StrCat(kForm, absl::Base64Escape(absl::StrCat(nonce, sealed, tag)));
}

absl::StatusOr<std::string> SecretBox::Open(absl::string_view sealed,
                                            absl::string_view owner) const {
  std::string bytes;
  if (!absl::ConsumePrefix(&sealed, kForm) || !absl::Base64Unescape(sealed, &bytes) ||
      bytes.size() < kNonceBytes + kTagBytes) {
    return absl::DataLossError(absl::StrCat("the secret of ", owner, " is damaged"));
  }
  const absl::string_view all = bytes;
  const absl::string_view nonce = all.substr(0, kNonceBytes);
  const absl::string_view body = all.substr(kNonceBytes, all.size() - kNonceBytes - kTagBytes);
  std::string tag(all.substr(all.size() - kTagBytes));
  std::string secret(body.size(), '\0');
  const Context context(EVP_CIPHER_CTX_new());
  int size = 0;
  CHECK(context != nullptr &&
        EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, In(key_), In(nonce)) == 1 &&
        EVP_DecryptUpdate(context.get(), nullptr, &size, In(owner), Size(owner)) == 1 &&
        EVP_DecryptUpdate(context.get(), Out(secret), &size, In(body), Size(body)) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1);
  if (EVP_DecryptFinal_ex(context.get(), Out(secret) + size, &size) != 1) {
    return absl::DataLossError(
        absl::StrCat("the secret of ", owner, " is damaged, or was sealed under another key"));
  }
  return secret;
}

bool SecretBox::IsSealed(absl::string_view text) {
  return absl::StartsWith(text, kForm);
}

}  // namespace rn
