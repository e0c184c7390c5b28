// HTTP as a command-line tool needs it: one request at a time, everything bounded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rn {

struct HttpLimits {
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration request_timeout = absl::Seconds(30);  // Of a call that answers with text.
  absl::Duration stall_timeout = absl::Seconds(30);    // Of a download: not a byte for so long.
  std::int64_t body_bytes_max = 64 << 20;              // Of a text answer.
  std::int64_t redirects_max = 5;
};

struct HttpCall {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;
};

// Blocks. Any status that the server sends is an answer. Unavailable: no connection, or it broke;
// DeadlineExceeded; ResourceExhausted: a longer body than allowed.
absl::StatusOr<HttpAnswer> Call(const HttpCall& call, const HttpLimits& limits = {});

// GETs a file to `path`, which is complete or absent afterwards. NotFound for 404;
// FailedPrecondition for any other status than 200.
absl::Status Download(const std::string& url,
                      const std::filesystem::path& path,
                      const HttpLimits& limits = {});

}  // namespace rn
