#include "daemon/uploader.h"

#include <string>
#include <utility>

#include "base/file.h"
#include "base/status.h"
#include "daemon/confined_file.h"
#include "daemon/lease_tasks.h"
#include "proto/item_error.h"

namespace rn {
namespace {

// Our own file: missing, or not where a worker may write. Only another render brings it.
absl::Status Lost(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kInvalidArgument:
      return absl::DataLossError(status.message());
    default:
      return absl::UnavailableError(status.message());
  }
}

}  // namespace

struct Uploader::Impl {
  Impl(UploadOptions given, ObjectStore& store, std::function<void(Event)> post)
      : options(std::move(given)), store(store), post(std::move(post)) {}

  Event Answer(const UploadItem& command, const std::stop_token& stop);
  absl::Status Upload(const std::string& prefix,
                      rendernode::Artifact& artifact,
                      const std::stop_token& stop);

  // Fixed after construction.
  const UploadOptions options;
  ObjectStore& store;  // Outlives us.
  const std::function<void(Event)> post;

  std::unique_ptr<LeaseTasks<UploadItem>> tasks;  // Last: its threads use all of the above.
};

Event Uploader::Impl::Answer(const UploadItem& command, const std::stop_token& stop) {
  const LeaseKey key = LeaseKey::Of(command.lease.ref());
  Uploaded uploaded{key, command.result};
  for (rendernode::Artifact& artifact : *uploaded.result.mutable_artifacts()) {
    absl::Status status = Upload(command.lease.output_prefix(), artifact, stop);
    if (!status.ok()) {
      return UploadFailed{
          key, WithItemError(std::move(status), rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED)};
    }
  }
  return uploaded;
}

absl::Status Uploader::Impl::Upload(const std::string& prefix,
                                    rendernode::Artifact& artifact,
                                    const std::stop_token& stop) {
  const std::filesystem::path path = artifact.path();
  const absl::StatusOr<UniqueFd> file = OpenWithin(path, {options.work_folder});
  if (!file.ok()) {
    return Lost(file.status());
  }
  const bool slash = !prefix.empty() && prefix.back() == '/';
  const PutRequest request{.key = absl::StrCat(prefix, slash ? "" : "/", path.filename().string()),
                           .bytes = static_cast<std::int64_t>(artifact.bytes()),
                           .sha256 = artifact.sha256(),
                           .content_type = artifact.content_type()};
  ASSIGN_OR_RETURN(*artifact.mutable_url(), store.Put(file->get(), request, stop));
  artifact.clear_path();
  return absl::OkStatus();
}

Uploader::Uploader(UploadOptions options, ObjectStore& store, std::function<void(Event)> post)
    : impl_(std::make_unique<Impl>(std::move(options), store, std::move(post))) {
  impl_->tasks = std::make_unique<LeaseTasks<UploadItem>>(
      impl_->options.threads,
      [&impl = *impl_](const UploadItem& command, const std::stop_token& stop) {
        impl.post(impl.Answer(command, stop));
      });
}

Uploader::~Uploader() = default;

void Uploader::Do(UploadItem command) {
  impl_->tasks->Do(std::move(command));
}

void Uploader::Do(const Discard& command) {
  impl_->tasks->Discard(command.key);
}

}  // namespace rn
