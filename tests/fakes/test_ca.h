// A certificate authority of a test's own.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {

struct TestSubject {
  std::string names;  // As openssl.cnf has it: "URI:rendernode://node/n1,DNS:localhost".
  absl::Duration valid_from = -absl::Hours(1), valid_until = absl::Hours(1);  // From now.
};

// The files that a program is given.
struct TestIdentity {
  std::filesystem::path certificate, key;
};

class TestCa {
 public:
  // Its certificate is <folder>/<name>.crt.
  TestCa(std::filesystem::path folder, const std::string& name)
      : folder_(std::move(folder)), name_(name), key_(EVP_EC_gen("P-256")) {
    certificate_ = NewCertificate(name, {.names = ""}, key_.get());
    AddExtension(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
    CHECK(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
    Write(path(), PemOf(certificate_.get()));
  }

  std::filesystem::path path() const { return folder_ / (name_ + ".crt"); }

  // <folder>/<name>.crt and .key, the key first. An existing pair is replaced.
  TestIdentity Issue(const std::string& name, const TestSubject& subject) const {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = NewCertificate(name, subject, key.get());
    if (!subject.names.empty()) {
      AddExtension(certificate.get(), NID_subject_alt_name, subject.names);
    }
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
    CHECK(X509_sign(certificate.get(), key_.get(), EVP_sha256()) > 0);
    TestIdentity identity{folder_ / (name + ".crt"), folder_ / (name + ".key")};
    Write(identity.key, PemOf(key.get()));
    Write(identity.certificate, PemOf(certificate.get()));
    return identity;
  }

 private:
  struct Freer {
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(BIO* bio) const { BIO_free(bio); }
  };
  using Certificate = std::unique_ptr<X509, Freer>;
  using Key = std::unique_ptr<EVP_PKEY, Freer>;
  using Bio = std::unique_ptr<BIO, Freer>;

  static Certificate NewCertificate(const std::string& name,
                                    const TestSubject& subject,
                                    EVP_PKEY* key) {
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    static long serial = 0;  // NOLINT(google-runtime-int): OpenSSL's type.
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    const absl::Time now = absl::Now();
    ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(now + subject.valid_from));
    ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(now + subject.valid_until));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()),
                               "CN",
                               MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()),
                               -1,
                               -1,
                               0);
    X509_set_pubkey(certificate.get(), key);
    return certificate;
  }

  static void AddExtension(X509* certificate, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    CHECK(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  static std::string PemOf(X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate);
    return TextOf(bio.get());
  }
  static std::string PemOf(EVP_PKEY* key) {
    const Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    return TextOf(bio.get());
  }
  static std::string TextOf(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
  }

  static void Write(const std::filesystem::path& path, const std::string& text) {
    CHECK(WriteFileDurably(path, text).ok());
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }

  const std::filesystem::path folder_;
  const std::string name_;
  const Key key_;
  Certificate certificate_;
};

}  // namespace rn
