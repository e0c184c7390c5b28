#include "coordinator/tls_context.h"

#include <openssl/err.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/certificate.h"
#include "base/secret_file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr unsigned char kHttp11[] = "\x08http/1.1";

// A client that offers HTTP/2 as well as HTTP/1.1 must not be left to guess.
int ChooseProtocol(SSL*,
                   const unsigned char** chosen,
                   unsigned char* chosen_length,
                   const unsigned char* offered,
                   unsigned int offered_length,
                   void*) {
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(
          &match, chosen_length, kHttp11, sizeof kHttp11 - 1, offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

absl::Status OpensslError(const std::filesystem::path& file) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return absl::InvalidArgumentError(absl::StrCat(file.string(), ": ", text));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Load(std::filesystem::path cert_file,
                                                             std::filesystem::path key_file) {
  std::unique_ptr<TlsContext> tls(new TlsContext(std::move(cert_file), std::move(key_file)));
  RETURN_IF_ERROR(tls->Refresh());
  return tls;
}

absl::Status TlsContext::Refresh() {
  std::string version = Version();
  if (version == version_ && !version.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(Context fresh, Read());
  version_ = std::move(version);
  MutexLock lock(mutex_);
  context_.swap(fresh);  // Connections keep a reference of their own to the old one.
  return absl::OkStatus();
}

SslPtr TlsContext::NewConnection(int fd) const {
  SslPtr ssl;
  {
    MutexLock lock(mutex_);
    ssl.reset(SSL_new(context_.get()));
  }
  if (ssl == nullptr || SSL_set_fd(ssl.get(), fd) != 1) {
    return nullptr;
  }
  SSL_set_accept_state(ssl.get());
  return ssl;
}

absl::StatusOr<TlsContext::Context> TlsContext::Read() const {
  RETURN_IF_ERROR(CheckSecretFile(key_file_));
  RETURN_IF_ERROR(ReadCertificate(cert_file_).status());
  RETURN_IF_ERROR(CheckKeyOfCertificate(key_file_, cert_file_));
  Context context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) {
    return absl::ResourceExhaustedError("no memory for TLS");
  }
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                          SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Thousands of idle connections must not hold 34 KiB of buffers each.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Sessions are resumed by tickets: nothing is kept here for clients that went away.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context.get(), &ChooseProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), cert_file_.c_str()) != 1) {
    return OpensslError(cert_file_);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file_.c_str(), SSL_FILETYPE_PEM) != 1) {
    return OpensslError(key_file_);
  }
  return context;
}

// Changes whenever a file is replaced or written. Empty: a file cannot be looked at.
std::string TlsContext::Version() const {
  std::string version;
  for (const auto& file : {cert_file_, key_file_}) {
    struct stat facts {};
    if (stat(file.c_str(), &facts) != 0) {
      return "";
    }
    absl::StrAppend(&version,
                    facts.st_dev,
                    ":",
                    facts.st_ino,
                    ":",
                    facts.st_size,
                    ":",
                    facts.st_mtim.tv_sec,
                    ".",
                    facts.st_mtim.tv_nsec,
                    " ");
  }
  return version;
}

}  // namespace rn
