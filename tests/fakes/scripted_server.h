// An HTTP server on a loopback port whose every path does what the test says, misbehaviour
// included: it owns the raw connection.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "base/mutex.h"

namespace rn {

struct ScriptedRequest {
  std::string method;
  std::string target;                          // With its query.
  std::map<std::string, std::string> headers;  // By lower-case name.
  std::string body;
};

class ScriptedPeer {
 public:
  explicit ScriptedPeer(int fd) : fd_(fd) {}

  // False: the client is gone.
  bool Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void Reply(int status,
             absl::string_view body,
             const std::vector<std::string>& headers = {},
             std::int64_t claimed_length = -1) {
    std::string head = absl::StrCat("HTTP/1.1 ", status, " Scripted\r\nConnection: close\r\n");
    for (const std::string& header : headers) {
      absl::StrAppend(&head, header, "\r\n");
    }
    const std::int64_t length =
        claimed_length >= 0 ? claimed_length : static_cast<std::int64_t>(body.size());
    Send(absl::StrCat(head, "Content-Length: ", length, "\r\n\r\n", body));
  }

  // True: the client closed within that time.
  bool ClosedWithin(int milliseconds) {
    pollfd wait = {.fd = fd_, .events = POLLIN | POLLRDHUP, .revents = 0};
    return ::poll(&wait, 1, milliseconds) > 0;
  }
  void WaitUntilClosed() { ClosedWithin(-1); }

 private:
  const int fd_;
};

// Thread-safe once the paths are scripted.
class ScriptedServer {
 public:
  using Script = std::function<void(ScriptedPeer& peer, const ScriptedRequest& request)>;

  ScriptedServer() {
    listener_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_.get(), 64);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }

  ~ScriptedServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    for (Connection& connection : connections_) {
      ::shutdown(connection.fd.get(), SHUT_RDWR);
      connection.thread.join();
    }
  }

  // What happens to requests for `path`, whatever their query; replaces what was said before.
  void On(const std::string& path, Script script) {
    MutexLock lock(mutex_);
    scripts_[path] = std::move(script);
  }
  void OnReply(const std::string& path,
               std::string body,
               int status = 200,
               std::vector<std::string> headers = {}) {
    On(path,
       [=](ScriptedPeer& peer, const ScriptedRequest&) { peer.Reply(status, body, headers); });
  }
  void OnRedirect(const std::string& path, const std::string& location) {
    OnReply(path, "", 302, {absl::StrCat("Location: ", location)});
  }

  int port() const { return port_; }
  std::string Url(absl::string_view path) const {
    return absl::StrCat("http://127.0.0.1:", port_, path);
  }
  // How often `path` was asked for.
  int Asked(const std::string& path) const {
    MutexLock lock(mutex_);
    const auto found = asked_.find(path);
    return found == asked_.end() ? 0 : found->second;
  }

 private:
  struct Connection {
    UniqueFd fd;
    std::thread thread;
  };

  void Accept() {
    while (true) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd.valid()) {
        return;
      }
      connections_.push_back({.fd = std::move(fd)});
      Connection& connection = connections_.back();
      connection.thread = std::thread([this, peer = connection.fd.get()] { Serve(peer); });
    }
  }

  void Serve(int fd) {
    std::string received;
    char chunk[4096];
    while (received.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
      if (got <= 0) {
        return;
      }
      received.append(chunk, static_cast<std::size_t>(got));
    }
    ScriptedRequest request;
    for (const absl::string_view line : absl::StrSplit(received, "\r\n")) {
      const std::size_t colon = line.find(':');
      if (request.target.empty()) {
        const std::vector<std::string> words = absl::StrSplit(line, ' ');
        request.method = words[0];
        request.target = words[1];
      } else if (colon != absl::string_view::npos) {
        request.headers[absl::AsciiStrToLower(line.substr(0, colon))] =
            std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
      }
    }
    const std::size_t head = received.find("\r\n\r\n") + 4;
    const std::string length = request.headers["content-length"];
    const std::size_t whole = head + (length.empty() ? 0 : std::stoul(length));
    while (received.size() < whole) {
      const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
      if (got <= 0) {
        return;
      }
      received.append(chunk, static_cast<std::size_t>(got));
    }
    request.body = received.substr(head);
    ScriptedPeer peer(fd);
    ScriptOf(request.target.substr(0, request.target.find('?')))(peer, request);
    ::shutdown(fd, SHUT_RDWR);
  }

  Script ScriptOf(const std::string& path) {
    MutexLock lock(mutex_);
    ++asked_[path];
    const auto found = scripts_.find(path);
    return found != scripts_.end() ? found->second
                                   : [](ScriptedPeer& peer, const ScriptedRequest&) {
                                       peer.Reply(404, "there is no such page");
                                     };
  }

  UniqueFd listener_;
  int port_ = 0;
  std::list<Connection> connections_;  // The acceptor's until it is joined.
  std::thread acceptor_;

  mutable Mutex mutex_;
  std::map<std::string, Script> scripts_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rn
