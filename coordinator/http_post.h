// One POST to an address that a stranger named: the only file of the coordinator that speaks
// libcurl.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/address_policy.h"

namespace rn {

struct HttpPostOptions {
  AddressPolicy policy;  // Asked about every address that is really connected to.
  absl::Duration timeout = absl::Seconds(10);  // From the first look-up to the answer's end.
  std::filesystem::path ca_file;               // PEM, instead of the system's; "" = those.
};

// Blocks until the whole answer is there; its HTTP status. What the answer says is not read, and
// redirects are not followed. `headers` are lines, "Name: value".
//   InvalidArgument   no http or https URL
//   PermissionDenied  the policy refuses where the URL leads to
//   DeadlineExceeded  no answer within `timeout`
//   Unavailable       no connection, no trust in its certificate, cut off in the middle
//   Cancelled         `stop` was requested
// Thread-safe.
absl::StatusOr<int> HttpPost(const std::string& url,
                             const std::vector<std::string>& headers,
                             absl::string_view body,
                             const HttpPostOptions& options,
                             const std::stop_token& stop);

}  // namespace rn
