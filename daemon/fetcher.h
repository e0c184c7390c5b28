// One download at a time and thread, over http, https or from a folder: the only file that speaks
// libcurl.
//
// URLs are written by strangers. What a URL leads to is decided by the address that is really
// connected to, redirect by redirect, so that neither a redirect nor a name that resolves to
// another address the second time reaches the machine's own network.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "daemon/backoff.h"

namespace rn {

struct FetchLimits {
  // Of one download, redirects and further attempts included.
  absl::Duration total_timeout = absl::Minutes(10);
  absl::Duration connect_timeout = absl::Seconds(10);
  // A download slower than this many bytes in a window is given up.
  absl::Duration low_speed_window = absl::Seconds(20);
  std::int64_t low_speed_bytes_min = 64 << 10;
  std::int64_t redirects_max = 5;
  std::int64_t per_host_max = 4;     // Requests to one host at once, redirects' too; others wait.
  std::int64_t connections_max = 8;  // Kept open for the next download, for each thread.
  // Of one download: no connection, 5xx, 408, 425, 429, too slow, cut off in the middle.
  std::int64_t attempts_max = 3;
  BackoffLimits retry{.min = absl::Milliseconds(500), .max = absl::Seconds(10)};
  std::filesystem::path ca_file;  // PEM, instead of the system's certificates; "" = those.

  // Blocks of otherwise refused addresses that may be connected to: "127.0.0.0/8", "fd00::/8".
  std::vector<std::string> allow_private;
  // file: URLs lead to files in these folders and nowhere else.
  std::vector<std::filesystem::path> allow_files;

  std::vector<std::string> resolve;  // "host:port:address", instead of asking DNS.
};

// The origin's word on a version of a file; "" = it gave none.
struct Validators {
  std::string etag;
  std::string last_modified;
};

struct Download {
  bool not_modified = false;  // The version that `validators` names is still the current one.
  std::int64_t bytes = 0;
  std::string sha256;  // Of the bytes, lower-case hex.
  Validators validators;
};

struct DownloadRequest {
  std::string url;
  std::int64_t bytes_max = 0;
  Validators validators;
  std::filesystem::path to;  // Must not exist; gone again unless the download is whole.
  // Not empty: POSTed as JSON, with this Authorization header if there is one.
  std::string json;
  std::string authorization;
  // Asked before each write, with its bytes; an error ends the download and is returned.
  std::function<absl::Status(std::int64_t bytes)> make_room;
};

// `url` without user, password, query and fragment: what a message or a log may show.
std::string PublicUrl(absl::string_view url);

// Thread-safe.
class Fetcher {
 public:
  // InvalidArgument: `allow_private`, see AddressPolicy::Create; `ca_file` cannot be read. `clock`
  // outlives us.
  static absl::StatusOr<std::unique_ptr<Fetcher>> Create(FetchLimits limits, Clock& clock);
  ~Fetcher();

  // For downloads that begin from now on. InvalidArgument: as Create, and nothing changes.
  absl::Status SetLimits(FetchLimits limits);

  // Blocks. Errors that are the URL's carry ITEM_ERROR_ASSET_DOWNLOAD_FAILED; they name the URL and
  // the limit that was met:
  //   Unavailable       no connection, 5xx, 408, 425, 429, cut off in the middle
  //   DeadlineExceeded  one of the times above
  //   NotFound, PermissionDenied, FailedPrecondition  4xx, refused address, TLS
  //   InvalidArgument   no URL that we fetch
  //   OutOfRange        longer than `bytes_max`
  // Cancelled: `stop` was requested. Others are this machine's.
  absl::StatusOr<Download> Fetch(const DownloadRequest& request, const std::stop_token& stop);

 private:
  struct Impl;
  explicit Fetcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
