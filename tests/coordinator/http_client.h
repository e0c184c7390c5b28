// Talks to a real HTTP server over loopback: libcurl for what clients do, a raw socket for what
// they should not.
#pragma once

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/file.h"

namespace rn {

struct HttpReply {
  int status = 0;  // 0: no answer.
  std::map<std::string, std::string> headers;
  std::string body;
  long connections = 0;  // New ones that it took.
};

// Keeps its connection alive between calls.
class HttpClient {
 public:
  struct Request {
    std::string method = "GET";
    std::vector<std::string> headers;
    std::string body;
  };

  // With `ca`, a file of certificates, over TLS.
  explicit HttpClient(int port, std::string ca = "")
      : port_(port), ca_(std::move(ca)), curl_(curl_easy_init()) {}
  ~HttpClient() { curl_easy_cleanup(curl_); }
  HttpClient(const HttpClient&) = delete;

  HttpReply Get(const std::string& target, std::vector<std::string> headers = {}) {
    return Call(target, {.headers = std::move(headers)});
  }

  HttpReply Call(const std::string& target, const Request& call) {
    HttpReply reply;
    curl_slist* headers = nullptr;
    for (const std::string& header : call.headers) {
      headers = curl_slist_append(headers, header.c_str());
    }
    curl_easy_reset(curl_);
    const std::string url =
        absl::StrCat(ca_.empty() ? "http" : "https", "://127.0.0.1:", port_, target);
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    if (!ca_.empty()) {
      curl_easy_setopt(curl_, CURLOPT_CAINFO, ca_.c_str());
    }
    curl_easy_setopt(curl_, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl_, CURLOPT_NOPROXY, "*");
    if (call.method == "HEAD") {
      curl_easy_setopt(curl_, CURLOPT_NOBODY, 1L);
    } else if (call.method != "GET") {
      curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, call.method.c_str());
      curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE, static_cast<long>(call.body.size()));
      curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, call.body.c_str());
    }
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &OnBody);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &reply);
    curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &reply);
    curl_easy_perform(curl_);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl_, CURLINFO_NUM_CONNECTS, &reply.connections);
    reply.status = static_cast<int>(status);
    curl_slist_free_all(headers);
    return reply;
  }

 private:
  static std::size_t OnBody(char* data, std::size_t, std::size_t bytes, void* reply) {
    static_cast<HttpReply*>(reply)->body.append(data, bytes);
    return bytes;
  }

  static std::size_t OnHeader(char* data, std::size_t, std::size_t bytes, void* reply) {
    const absl::string_view line(data, bytes);
    if (const std::size_t colon = line.find(':'); colon != absl::string_view::npos) {
      static_cast<HttpReply*>(reply)->headers[absl::AsciiStrToLower(line.substr(0, colon))] =
          std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
    return bytes;
  }

  const int port_;
  const std::string ca_;
  CURL* const curl_;
};

// A bare TCP connection.
class RawClient {
 public:
  explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    const timeval patience = {.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  bool connected() const { return connected_; }

  void Send(absl::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // Until the server closes, or until `marker` has been seen.
  std::string Receive(absl::string_view marker = "") {
    std::string received;
    char chunk[4096];
    while (marker.empty() || received.find(std::string(marker)) == std::string::npos) {
      const ssize_t got = ::recv(fd_.get(), chunk, sizeof chunk, 0);
      if (got <= 0) {
        break;
      }
      received.append(chunk, static_cast<std::size_t>(got));
    }
    return received;
  }

 private:
  UniqueFd fd_;
  bool connected_ = false;
};

}  // namespace rn
