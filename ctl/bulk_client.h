// The Bulk Operations API, from the client's side.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ctl/http.h"

namespace rn {

struct BulkClientOptions {
  std::string server;  // "http://127.0.0.1:8080": the part before /api/v1
  std::string api_key;
  HttpLimits http;
  int attempts_max = 5;  // Of a call that may pass: no connection, 429, 503.
  absl::Duration retry_wait = absl::Milliseconds(500);  // Doubled each time; Retry-After rules.
  // Also of one that nobody answered, and which may have been obeyed all the same.
  bool repeat_unanswered = true;
};

// Blocks. Errors carry the server's own message, with every mistake that it found and where.
class BulkClient {
 public:
  explicit BulkClient(BulkClientOptions options) : options_(std::move(options)) {}

  // With one idempotency key a job is created once, however often it is asked for.
  absl::StatusOr<nlohmann::json> CreateJob(const nlohmann::json& body,
                                           const std::string& idempotency_key) const;
  absl::StatusOr<nlohmann::json> GetJob(const std::string& job_id) const;
  absl::StatusOr<nlohmann::json> CancelJob(const std::string& job_id) const;
  // All of them, in order of rows.
  absl::StatusOr<nlohmann::json> ListVideos(const std::string& job_id) const;

  // Any call; its URL begins after /api/v1. The answer's body.
  absl::StatusOr<nlohmann::json> Ask(HttpCall call) const;
  // The "data" of every page of a list, as an array; `url` with or without a query. At most
  // `count_max`; 0: all.
  absl::StatusOr<nlohmann::json> ListAll(const std::string& url, std::size_t count_max = 0) const;

 private:
  const BulkClientOptions options_;
};

}  // namespace rn
