// Takes finished artifacts from the work folder to the object store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "daemon/node_events.h"
#include "daemon/object_store.h"

namespace rn {

struct UploadOptions {
  std::filesystem::path work_folder;  // A worker's word on a file outside of it is not believed.
  std::int64_t threads = 2;           // Results at once.
};

// Nothing is tried twice here; the Node backs off and asks again. Thread-safe.
class Uploader {
 public:
  // `post` may block; it must not call back into us. `store` outlives us.
  Uploader(UploadOptions options, ObjectStore& store, std::function<void(Event)> post);
  // Stops what runs; events still due may be lost.
  ~Uploader();

  // Returns at once. Answered by exactly one Uploaded or UploadFailed, also when discarded
  // meanwhile. In Uploaded every artifact has its `url` and no `path`; the local files are left to
  // whoever made them. `path`s are absolute. Errors: see ObjectStore::Put; DataLoss also when a
  // file is missing or lies outside the work folder.
  void Do(UploadItem command);
  // Stops the upload, if it runs.
  void Do(const Discard& command);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
