// An HTTPS server on a loopback port that answers every request with the same
// file.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "tests/fakes/test_ca.h"

namespace rn {

// One connection after the other, on a thread of its own.
class TlsServer {
 public:
  TlsServer(const TestIdentity& identity, std::string file)
      : file_(std::move(file)), context_(SSL_CTX_new(TLS_server_method())) {
    CHECK(SSL_CTX_use_certificate_chain_file(context_.get(), identity.certificate.c_str()) == 1);
    CHECK(SSL_CTX_use_PrivateKey_file(context_.get(), identity.key.c_str(), SSL_FILETYPE_PEM) == 1);
    listener_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_.get(), 16);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~TlsServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  int port() const { return port_; }
  // Requests that came through a handshake.
  int asked() const { return asked_; }

 private:
  struct Freer {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void Serve() {
    while (true) {
      const UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) {
        return;
      }
      const std::unique_ptr<SSL, Freer> ssl(SSL_new(context_.get()));
      SSL_set_fd(ssl.get(), peer.get());
      if (SSL_accept(ssl.get()) == 1) {
        Answer(ssl.get());
      }
    }
  }

  void Answer(SSL* ssl) {
    std::string request;
    char block[4096];
    while (!absl::StrContains(request, "\r\n\r\n")) {
      const int got = SSL_read(ssl, block, sizeof block);
      if (got <= 0) {
        return;
      }
      request.append(block, static_cast<std::size_t>(got));
    }
    ++asked_;
    const std::string answer =
        absl::StrCat("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ",
                     file_.size(),
                     "\r\n\r\n",
                     file_);
    SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
    SSL_shutdown(ssl);
  }

  const std::string file_;
  const std::unique_ptr<SSL_CTX, Freer> context_;
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<int> asked_ = 0;
  std::thread thread_;
};

}  // namespace rn
