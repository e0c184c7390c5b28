// Where finished artifacts go: immutable objects under keys of one attempt each.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

struct PutRequest {
  std::string key;  // "<bucket>/<job>/<item>/<fence>/video.mp4"
  std::int64_t bytes = 0;
  std::string sha256;  // Lower-case hex.
  std::string content_type;
};

// Thread-safe; every call blocks. Errors of all of them:
//   Unavailable, DeadlineExceeded  the store has trouble of its own, which may pass
//   ResourceExhausted  the store is full, with ITEM_ERROR_QUOTA_EXCEEDED
//   Unauthenticated    the store does not know us: this node's keys are wrong
//   PermissionDenied, NotFound, FailedPrecondition  the bucket refuses, or there is none
//   Cancelled          `stop` was requested
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Stores the file behind `fd`, from its beginning, and returns its URL: durable, complete, and
  // verified to be what `request` says. An object that is already there and the same is a success,
  // so an upload cut off anywhere may simply be repeated; an object is never replaced by another.
  // One call for a key at a time. Besides:
  //   InvalidArgument    the key leads out of the store
  //   AlreadyExists      the key holds other bytes
  //   DataLoss           the file is not what `request` says
  // All but ResourceExhausted carry ITEM_ERROR_STORAGE_UPLOAD_FAILED.
  virtual absl::StatusOr<std::string> Put(int fd,
                                          const PutRequest& request,
                                          const std::stop_token& stop) = 0;

  // OK when an object could be put now, as far as can be told without putting one.
  virtual absl::Status Probe(const std::stop_token& stop) = 0;

  // Removes all that was put under an attempt's prefix, "<bucket>/<job>/<item>/<fence>/", and what
  // is left of uploads under way. Nothing there is a success. No Put of that attempt is running.
  // InvalidArgument: no prefix of one attempt.
  virtual absl::Status Remove(const std::string& attempt_prefix, const std::stop_token& stop) = 0;
};

// OK when `key` is segments of letters, digits, ".", "-" and "_", each beginning with a letter or
// digit: what the coordinator serves. InvalidArgument otherwise.
absl::Status CheckKey(absl::string_view key);

// OK when `prefix` is such segments, each ending in "/", that name one attempt: a job, an item and
// a fence, perhaps after a bucket. Nothing wider is ever removed.
absl::Status CheckAttemptPrefix(absl::string_view prefix);

}  // namespace rn
