// Objects as files under a folder, perhaps of a network file system with hard links. An upload
// under way, or what a crash left of it, is a hidden file ".<name>.part" beside its place.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "daemon/object_store.h"

namespace rn {

struct FileStoreOptions {
  std::filesystem::path root = "/var/lib/rendernode/artifacts";
  std::string url_base = "/artifacts";  // An object's URL is "<url_base>/<key>".
};

class FileObjectStore final : public ObjectStore {
 public:
  // Makes the folder when absent.
  static absl::StatusOr<std::unique_ptr<FileObjectStore>> Open(FileStoreOptions options);

  absl::StatusOr<std::string> Put(int fd,
                                  const PutRequest& request,
                                  const std::stop_token& stop) override;
  // Writes a block beside the objects, and takes it away again.
  absl::Status Probe(const std::stop_token& stop) override;
  // The attempt's folder goes as well; those above it stay, for other attempts.
  absl::Status Remove(const std::string& attempt_prefix, const std::stop_token& stop) override;

 private:
  explicit FileObjectStore(FileStoreOptions options) : options_(std::move(options)) {}

  const FileStoreOptions options_;
};

}  // namespace rn
