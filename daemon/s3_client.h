// Requests to an S3 service: signed, tried again while it makes sense, and errors told apart.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/s3_account.h"
#include "daemon/backoff.h"

namespace rn {

struct S3ClientOptions {
  S3Account account;
  std::filesystem::path ca_file;  // PEM, instead of the system's certificates; "" = those.
  absl::Duration connect_timeout = absl::Seconds(10);
  absl::Duration request_timeout = absl::Minutes(1);  // Of a request without a file.
  // A transfer slower than this many bytes in a window is given up.
  absl::Duration low_speed_window = absl::Seconds(30);
  std::int64_t low_speed_bytes_min = 64 << 10;
  std::int64_t attempts_max = 4;  // Of one request: 5xx, 429, SlowDown, timeouts, cut connections.
  BackoffLimits retry{.min = absl::Milliseconds(200), .max = absl::Seconds(5)};

  std::vector<std::string> resolve;  // "host:port:address", instead of asking DNS.
};

struct S3Call {
  std::string method;
  std::string bucket;  // "" = the service itself.
  std::string key;     // "" = the bucket itself.
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;

  std::string body;  // Or, with `fd`, `bytes` of that file from `offset` on.
  int fd = -1;
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  std::string sha256;  // Of what the file has there, lower-case hex.

  bool once = false;  // Not tried again.
  // Where the answer's body goes; without: S3Answer::body.
  std::function<void(absl::string_view)> take;
};

struct S3Answer {
  std::map<std::string, std::string> headers;  // By lower-case name.
  std::string body;                            // At most 4 MiB.
};

// Thread-safe.
class S3Client {
 public:
  // `clock` outlives us.
  S3Client(S3ClientOptions options, Clock& clock);
  ~S3Client();

  // Blocks. An answer of 2xx. Else a Status that names method, bucket, key, HTTP status, S3's code
  // and the id of the key used, never a secret:
  //   Unavailable, DeadlineExceeded  5xx, 429, SlowDown, no connection, cut off, too slow
  //   ResourceExhausted   the bucket or the service is full, with ITEM_ERROR_QUOTA_EXCEEDED
  //   Unauthenticated     the service does not know the keys
  //   PermissionDenied    403     (HEAD has no body, so that 403 and 404 are all that is known)
  //   NotFound            404     NoSuchBucket, NoSuchKey, NoSuchUpload
  //   FailedPrecondition  other refusals, TLS, keys that cannot be read
  //   Cancelled           `stop`
  absl::StatusOr<S3Answer> Call(const S3Call& call, const std::stop_token& stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
