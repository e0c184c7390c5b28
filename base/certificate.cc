#include "base/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr char kNodeUriPrefix[] = "rendernode://node/";
constexpr std::int64_t kPemBytesMax = 1 << 20;

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

// Never asks at a terminal for the password of a key that has one.
int NoPassword(char*, int, int, void*) {
  return -1;
}

absl::StatusOr<Certificate> Load(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const std::string pem, ReadFile(path, kPemBytesMax));
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
  if (certificate == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": holds no PEM certificate"));
  }
  return certificate;
}

absl::Time ToTime(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? absl::FromTimeT(timegm(&parts))
                                            : absl::InfinitePast();
}

std::string Text(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

}  // namespace

absl::StatusOr<CertificateFacts> ReadCertificate(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const Certificate certificate, Load(path));
  CertificateFacts facts{.not_before = ToTime(X509_get0_notBefore(certificate.get())),
                         .not_after = ToTime(X509_get0_notAfter(certificate.get()))};
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI) {
      facts.uris.push_back(Text(name->d.uniformResourceIdentifier));
    } else if (name->type == GEN_DNS) {
      facts.dns_names.push_back(Text(name->d.dNSName));
    }
  }
  return facts;
}

absl::Status CheckKeyOfCertificate(const std::filesystem::path& key_path,
                                   const std::filesystem::path& certificate_path) {
  ASSIGN_OR_RETURN(const Certificate certificate, Load(certificate_path));
  ASSIGN_OR_RETURN(const std::string pem, ReadFile(key_path, kPemBytesMax));
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(key_path.string(), ": holds no PEM private key without a password"));
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        key_path.string(), ": is not the key of the certificate in ", certificate_path.string()));
  }
  return absl::OkStatus();
}

std::string NodeUri(absl::string_view node_id) {
  return absl::StrCat(kNodeUriPrefix, node_id);
}

absl::StatusOr<std::string> NodeOfUris(const std::vector<std::string>& uris) {
  std::vector<std::string> nodes;
  for (absl::string_view uri : uris) {
    if (absl::ConsumePrefix(&uri, kNodeUriPrefix)) {
      nodes.emplace_back(uri);
    }
  }
  if (nodes.size() != 1 || nodes.front().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a node's certificate needs one URI \"",
                     kNodeUriPrefix,
                     "<node_id>\" among its subject alternative names; this one has ",
                     nodes.size()));
  }
  return nodes.front();
}

}  // namespace rn
