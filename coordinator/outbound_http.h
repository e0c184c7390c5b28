// One HTTP request: the only file of the coordinator that speaks libcurl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/address_policy.h"

namespace rn {

struct OutboundOptions {
  // Asked about every address that is really connected to, where a stranger named the URL. Nothing:
  // the operator did.
  std::optional<AddressPolicy> policy;
  absl::Duration timeout = absl::Seconds(10);  // From the first look-up to the answer's end.
  std::filesystem::path ca_file;               // PEM, instead of the system's; "" = those.
  std::int64_t answer_bytes_max = 64 << 10;
};

struct OutboundRequest {
  std::string method = "GET";  // Or "POST".
  std::string url;
  std::vector<std::string> headers;  // Lines, "Name: value".
  std::string body;                  // Of a POST.
};

struct OutboundAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // By lower-case name.
  std::string body;
  bool cut = false;  // It went on beyond `answer_bytes_max`, and nobody listened.
};

// Blocks until the whole answer is there. Redirects are answers; they are not followed.
//   InvalidArgument   no http or https URL
//   PermissionDenied  the policy refuses where the URL leads to
//   DeadlineExceeded  no answer within `timeout`
//   Unavailable       no connection, no trust in its certificate, cut off in the middle
//   Cancelled         `stop` was requested
// Messages name neither the URL's query nor headers. Thread-safe.
absl::StatusOr<OutboundAnswer> CallOut(const OutboundRequest& request,
                                       const OutboundOptions& options,
                                       const std::stop_token& stop);

}  // namespace rn
