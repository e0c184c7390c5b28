// What a handler is given and gives back; no HTTP library's type shows here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "coordinator/web_socket.h"

namespace rn {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;          // "GET", as sent.
  std::string path;            // Percent-decoded, without the query; starts with '/', holds no NUL.
  HttpFields query;            // Decoded, in the order given.
  HttpFields headers;          // Names in lower case.
  std::string body;            // Whole; within the server's limit.
  std::string peer;            // "127.0.0.1:41234".
  std::string correlation_id;  // The client's own X-Correlation-Id where usable, else a new one.
  bool wants_web_socket = false;  // It may be answered with an upgrade.

  // The first value of that name.
  std::optional<std::string> Header(absl::string_view lower_case_name) const;
  std::optional<std::string> Query(absl::string_view name) const;
};

// A piece of an open file, sent without being read into memory as a whole.
struct HttpFile {
  UniqueFd fd;
  std::int64_t offset = 0;
  std::int64_t length = 0;
};

// The server adds Content-Length, Date, Server and X-Correlation-Id, and leaves the body out for
// HEAD.
struct HttpResponse {
  int status = 200;
  HttpFields headers;
  std::string body;
  std::optional<HttpFile> file;  // Instead of `body`.
  // Instead of all that, for a request that wants one: the connection becomes a WebSocket.
  std::optional<WebSocketUpgrade> upgrade;
};

// Splits and decodes a request target such as "/a%20b?x=1&y=%C3%A4" into path and query.
// InvalidArgument: not in origin form, a bad percent escape, or a NUL.
absl::StatusOr<std::pair<std::string, HttpFields>> ParseTarget(absl::string_view target);

}  // namespace rn
