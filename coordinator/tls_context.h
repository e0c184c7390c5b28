// What the HTTP server shows clients over TLS: a certificate and its key, from files that may be
// renewed while it runs.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace rn {

struct SslFreer {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, SslFreer>;

// TLS 1.2 and 1.3, without renegotiation, HTTP/1.1 where the client negotiates. Thread-safe.
class TlsContext {
 public:
  // `cert_file`: PEM, ours first, then its issuers. `key_file`: PEM, of mode 0600 or 0640.
  // InvalidArgument: not a certificate, or not its key; NotFound, PermissionDenied: a file.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Load(std::filesystem::path cert_file,
                                                          std::filesystem::path key_file);

  // A new connection's, on a connected, non-blocking socket that outlives it. Null: out of memory.
  SslPtr NewConnection(int fd) const;

  // Reads the files again where they changed; connections that are made from then on use them. An
  // error leaves the old ones in use. Blocks on the disk.
  absl::Status Refresh();

 private:
  using Context = std::unique_ptr<SSL_CTX, SslFreer>;

  TlsContext(std::filesystem::path cert_file, std::filesystem::path key_file)
      : cert_file_(std::move(cert_file)), key_file_(std::move(key_file)) {}

  absl::StatusOr<Context> Read() const;
  std::string Version() const;

  const std::filesystem::path cert_file_, key_file_;
  std::string version_;  // Of the files in use; Refresh's alone.

  mutable Mutex mutex_;
  Context context_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rn
