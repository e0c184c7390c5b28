// Objects in an S3 service.
//
// Which bucket: with `bucket`, all objects are in that one, under "<output bucket>/<job>/…".
// Without, each job's output bucket is the S3 bucket of that name, and the keys begin with
// "<job>/…".
//
// What is longer than `multipart_bytes_min` goes up in parts. Which parts are there already is kept
// in a file under `uploads_folder`, so that an upload cut off by a stop, a crash or the network
// goes on where it was when the same Put is repeated:
//   <uploads_folder>/<SHA-256 of "<bucket>/<key>">  lines: "1", bucket, key, upload id, SHA-256 of
//                                                   the whole, bytes of a part; then "<part>
//                                                   <etag>"
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "daemon/object_store.h"
#include "daemon/s3_client.h"

namespace rn {

struct S3StoreOptions {
  S3ClientOptions client;
  std::string bucket;
  // An object's URL is "<url_base>/<bucket>/<key>"; "s3:/" makes it one that the coordinator signs.
  std::string url_base = "s3:/";
  bool checksums = true;  // Sends x-amz-checksum-sha256, which some services refuse.
  std::int64_t multipart_bytes_min = 16 << 20;
  std::int64_t part_bytes = 16 << 20;  // Larger where there would be more than 10,000 parts.
  std::int64_t parts_at_once = 4;      // Of one object.
  std::filesystem::path uploads_folder;
  absl::Duration stale_after = absl::Hours(24);  // A multipart upload untouched so long is aborted.
};

class S3ObjectStore final : public ObjectStore {
 public:
  // Asks the service nothing. `clock` outlives us. Errors name the folder that cannot be made.
  static absl::StatusOr<std::unique_ptr<S3ObjectStore>> Open(S3StoreOptions options, Clock& clock);
  ~S3ObjectStore() override;

  // Verified by what the service says of the object afterwards: its size, and its SHA-256 where the
  // service keeps one, or the MD5 in its ETag, or else all of it read back.
  absl::StatusOr<std::string> Put(int fd,
                                  const PutRequest& request,
                                  const std::stop_token& stop) override;
  // Lists `bucket`, or the buckets. A refusal to list is an answer: keys for putting alone are good
  // practice. Aborts stale multipart uploads besides.
  absl::Status Probe(const std::stop_token& stop) override;
  absl::Status Remove(const std::string& attempt_prefix, const std::stop_token& stop) override;

 private:
  struct Impl;
  explicit S3ObjectStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
