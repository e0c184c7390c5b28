#include "coordinator/google_account.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/secret_file.h"
#include "base/status.h"

namespace rn {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kFileBytesMax = 64 << 10;
constexpr int kKeyBitsMin = 2048;
constexpr absl::Duration kValid = absl::Hours(1);  // Google's maximum.

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

int NoPassword(char*, int, int, void*) {
  return -1;
}

std::shared_ptr<EVP_PKEY> RsaKeyIn(const std::string& pem) {
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr),
                                &EVP_PKEY_free);
  ERR_clear_error();
  const bool rsa = key != nullptr && EVP_PKEY_base_id(key.get()) == EVP_PKEY_RSA &&
                   EVP_PKEY_bits(key.get()) >= kKeyBitsMin;
  return rsa ? key : nullptr;
}

std::string TextIn(const Json& json, const char* name) {
  const auto field = json.find(name);
  return field != json.end() && field->is_string() ? field->get<std::string>() : "";
}

// It ends up in messages.
bool LooksLikeEmail(absl::string_view text) {
  return text.size() <= 254 && absl::StrContains(text, '@') &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "@.-_") == absl::string_view::npos;
}

std::string Rs256(EVP_PKEY* key, absl::string_view text) {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1);
  CHECK(EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1);
  std::string signature(size, '\0');
  CHECK(EVP_DigestSign(context.get(),
                       reinterpret_cast<unsigned char*>(signature.data()),
                       &size,
                       bytes,
                       text.size()) == 1);
  signature.resize(size);
  return signature;
}

}  // namespace

absl::StatusOr<ServiceAccount> ReadServiceAccount(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadSecret(path, kFileBytesMax));
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(
        path.string(), ": ", what, "; it must be a service account's key as Google's JSON file"));
  };
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return wrong("is no JSON object");
  }
  if (TextIn(json, "type") != "service_account") {
    return wrong("its \"type\" is not \"service_account\"");
  }
  ServiceAccount account = {.email = TextIn(json, "client_email"),
                            .key_id = TextIn(json, "private_key_id"),
                            .key = RsaKeyIn(TextIn(json, "private_key"))};
  if (!LooksLikeEmail(account.email)) {
    return wrong("its \"client_email\" is no address");
  }
  if (account.key == nullptr) {
    return wrong(absl::StrCat(
        "its \"private_key\" is no RSA key of at least ", kKeyBitsMin, " bits in PEM"));
  }
  return account;
}

std::string SignedAssertion(const ServiceAccount& account,
                            absl::string_view audience,
                            absl::string_view scope,
                            absl::Time now) {
  Json header = {{"alg", "RS256"}, {"typ", "JWT"}};
  if (!account.key_id.empty()) {
    header["kid"] = account.key_id;
  }
  const Json claims = {{"iss", account.email},
                       {"scope", std::string(scope)},
                       {"aud", std::string(audience)},
                       {"iat", absl::ToUnixSeconds(now)},
                       {"exp", absl::ToUnixSeconds(now + kValid)}};
  const std::string signed_part = absl::StrCat(
      absl::WebSafeBase64Escape(header.dump()), ".", absl::WebSafeBase64Escape(claims.dump()));
  return absl::StrCat(
      signed_part, ".", absl::WebSafeBase64Escape(Rs256(account.key.get(), signed_part)));
}

}  // namespace rn
