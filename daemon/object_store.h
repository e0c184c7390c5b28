// Where finished artifacts go: immutable objects under keys of one attempt each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

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

// Thread-safe.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Stores the file behind `fd`, from its beginning, and returns its URL: durable, complete, and
  // read back as what `request` says. An object that is already there and the same is a success, so
  // an upload cut off anywhere may simply be repeated; an object is never replaced by another.
  // One call for a key at a time. Blocks.
  //   InvalidArgument    the key leads out of the store
  //   AlreadyExists      the key holds other bytes
  //   DataLoss           the file is not what `request` says
  //   Cancelled          `stop` was requested
  //   Unavailable        the store has trouble of its own
  //   ResourceExhausted  the store is full, with ITEM_ERROR_QUOTA_EXCEEDED
  // All but that one carry ITEM_ERROR_STORAGE_UPLOAD_FAILED.
  virtual absl::StatusOr<std::string> Put(int fd,
                                          const PutRequest& request,
                                          const std::stop_token& stop) = 0;
};

// OK when `key` is segments of letters, digits, ".", "-" and "_", each beginning with a letter or
// digit: what the coordinator serves. InvalidArgument otherwise.
absl::Status CheckKey(absl::string_view key);

struct StoreOptions {
  std::filesystem::path root = "/var/lib/rendernode/artifacts";
  std::string url_base = "/artifacts";  // An object's URL is "<url_base>/<key>".
};

// Objects are files under a folder, perhaps of a network file system with hard links. An upload
// under way, or what a crash left of it, is a hidden file ".<name>.part" beside its place.
class FileObjectStore final : public ObjectStore {
 public:
  // Makes the folder when absent.
  static absl::StatusOr<std::unique_ptr<FileObjectStore>> Open(StoreOptions options);

  absl::StatusOr<std::string> Put(int fd,
                                  const PutRequest& request,
                                  const std::stop_token& stop) override;

 private:
  explicit FileObjectStore(StoreOptions options) : options_(std::move(options)) {}

  const StoreOptions options_;
};

}  // namespace rn
