#include "daemon/s3_object_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <pugixml.hpp>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "daemon/s3_digest.h"
#include "daemon/s3_uploads.h"
#include "proto/item_error.h"

namespace rn {
namespace {

constexpr std::int64_t kPartsMax = 10000;  // S3's own limit.
constexpr int kListRoundsMax = 100;        // Of an attempt's handful of files.

// Where a key of ours is.
struct Place {
  std::string bucket;
  std::string key;
};

std::string ETagOf(const S3Answer& answer) {
  const auto found = answer.headers.find("etag");
  return found == answer.headers.end() ? "" : found->second;
}

// Of a body that is XML; empty when it is not.
std::string TextIn(const S3Answer& answer, const char* root, const char* child) {
  pugi::xml_document document;
  document.load_buffer(answer.body.data(), answer.body.size());
  return document.child(root).child(child).text().get();
}

}  // namespace

struct S3ObjectStore::Impl {
  Impl(S3StoreOptions given, S3Uploads uploads, Clock& clock)
      : options(std::move(given)),
        uploads(std::move(uploads)),
        clock(clock),
        client(options.client, clock) {}

  absl::StatusOr<Place> PlaceOf(const std::string& key) const;
  std::int64_t PartBytes(std::int64_t bytes) const;

  absl::Status Store(int fd, const PutRequest& request, const std::stop_token& stop);
  // True: there, the same. AlreadyExists: another is there.
  absl::StatusOr<bool> IsThere(const Place& place, const S3File& file, const std::stop_token& stop);
  absl::StatusOr<S3Match> ReadBack(const Place& place,
                                   const S3File& file,
                                   const std::stop_token& stop);
  absl::Status Verify(const Place& place, const S3File& file, const std::stop_token& stop);

  S3Call PartCall(int fd, const Place& place, const S3Part& part) const;
  absl::Status PutWhole(int fd,
                        const Place& place,
                        const S3File& file,
                        const PutRequest& request,
                        const std::stop_token& stop);
  absl::Status PutParts(int fd,
                        const Place& place,
                        const S3File& file,
                        const PutRequest& request,
                        const std::stop_token& stop);
  absl::StatusOr<S3Upload> BeginOrResume(const Place& place,
                                         const S3File& file,
                                         const PutRequest& request,
                                         const std::stop_token& stop);
  absl::Status SendMissing(int fd,
                           const S3File& file,
                           S3Upload& upload,
                           const std::stop_token& stop);
  absl::Status Complete(const S3File& file, const S3Upload& upload, const std::stop_token& stop);
  absl::Status Abort(const S3Upload& upload, const std::stop_token& stop);

  absl::StatusOr<std::vector<std::string>> List(const Place& prefix, const std::stop_token& stop);

  const S3StoreOptions options;
  const S3Uploads uploads;
  Clock& clock;  // Outlives us.
  S3Client client;
};

// ---------------------------------------------------------------- where

absl::StatusOr<Place> S3ObjectStore::Impl::PlaceOf(const std::string& key) const {
  if (!options.bucket.empty()) {
    return Place{options.bucket, key};
  }
  const std::pair<std::string, std::string> parts = absl::StrSplit(key, absl::MaxSplits('/', 1));
  if (parts.second.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", key, "\" begins with no bucket, and store.s3.bucket names none"));
  }
  return Place{parts.first, parts.second};
}

std::int64_t S3ObjectStore::Impl::PartBytes(std::int64_t bytes) const {
  if (bytes <= options.multipart_bytes_min) {
    return 0;
  }
  return std::max(options.part_bytes, (bytes + kPartsMax - 1) / kPartsMax);
}

// ---------------------------------------------------------------- what is there

absl::StatusOr<bool> S3ObjectStore::Impl::IsThere(const Place& place,
                                                  const S3File& file,
                                                  const std::stop_token& stop) {
  const absl::StatusOr<S3Answer> head =
      client.Call({.method = "HEAD",
                   .bucket = place.bucket,
                   .key = place.key,
                   .headers = {{"x-amz-checksum-mode", "ENABLED"}}},
                  stop);
  if (absl::IsNotFound(head.status())) {
    return false;
  }
  RETURN_IF_ERROR(head.status());
  S3Match match = Compare(file, head->headers);
  if (match == S3Match::kUnknown) {
    ASSIGN_OR_RETURN(match, ReadBack(place, file, stop));
  }
  if (match == S3Match::kSame) {
    return true;
  }
  return absl::AlreadyExistsError(absl::StrCat("bucket ",
                                               place.bucket,
                                               ", key ",
                                               place.key,
                                               ": another object is there; it is not replaced by ",
                                               file.sha256));
}

absl::StatusOr<S3Match> S3ObjectStore::Impl::ReadBack(const Place& place,
                                                      const S3File& file,
                                                      const std::stop_token& stop) {
  Sha256Hasher sha256;
  RETURN_IF_ERROR(client
                      .Call({.method = "GET",
                             .bucket = place.bucket,
                             .key = place.key,
                             .once = true,
                             .take = [&](absl::string_view bytes) { sha256.Update(bytes); }},
                            stop)
                      .status());
  return sha256.Hex() == file.sha256 ? S3Match::kSame : S3Match::kOther;
}

// The object has just been put: whatever is wrong with it, putting it again may be right.
absl::Status S3ObjectStore::Impl::Verify(const Place& place,
                                         const S3File& file,
                                         const std::stop_token& stop) {
  const absl::StatusOr<bool> there = IsThere(place, file, stop);
  if (absl::IsPermissionDenied(there.status())) {
    return Annotate(there.status(), "put, but it cannot be verified (s3:GetObject is needed)");
  }
  if (absl::IsAlreadyExists(there.status())) {
    return absl::UnavailableError(
        absl::StrCat("put, and then other than it was sent: ", there.status().message()));
  }
  RETURN_IF_ERROR(there.status());
  return *there ? absl::OkStatus()
                : absl::UnavailableError(absl::StrCat(
                      "bucket ", place.bucket, ", key ", place.key, ": put, and then not there"));
}

// ---------------------------------------------------------------- putting

absl::Status S3ObjectStore::Impl::Store(int fd,
                                        const PutRequest& request,
                                        const std::stop_token& stop) {
  RETURN_IF_ERROR(CheckKey(request.key));
  ASSIGN_OR_RETURN(const Place place, PlaceOf(request.key));
  ASSIGN_OR_RETURN(const S3File file, DigestForS3(fd, PartBytes(request.bytes), stop));
  if (file.bytes != request.bytes || file.sha256 != request.sha256) {
    return absl::DataLossError(absl::StrCat("the file has ",
                                            file.bytes,
                                            " bytes of SHA-256 ",
                                            file.sha256,
                                            ", not the ",
                                            request.bytes,
                                            " bytes of ",
                                            request.sha256,
                                            " that were rendered"));
  }
  const absl::StatusOr<bool> there = IsThere(place, file, stop);
  if (there.ok() && *there) {
    return absl::OkStatus();
  }
  // Keys without the right to list are told 403 of what is not there.
  if (!there.ok() && !absl::IsPermissionDenied(there.status())) {
    return there.status();
  }
  RETURN_IF_ERROR(PartBytes(request.bytes) == 0 ? PutWhole(fd, place, file, request, stop)
                                                : PutParts(fd, place, file, request, stop));
  return Verify(place, file, stop);
}

S3Call S3ObjectStore::Impl::PartCall(int fd, const Place& place, const S3Part& part) const {
  S3Call call{.method = "PUT",
              .bucket = place.bucket,
              .key = place.key,
              .fd = fd,
              .offset = part.offset,
              .bytes = part.bytes,
              .sha256 = part.sha256};
  if (options.checksums) {
    call.headers.emplace_back("x-amz-checksum-sha256", S3Checksum(part.sha256));
  }
  return call;
}

absl::Status S3ObjectStore::Impl::PutWhole(int fd,
                                           const Place& place,
                                           const S3File& file,
                                           const PutRequest& request,
                                           const std::stop_token& stop) {
  S3Call call = PartCall(fd, place, file.parts.front());
  call.headers.emplace_back("Content-Type", request.content_type);
  return client.Call(call, stop).status();
}

// An upload that the service no longer knows is begun anew, unless its completion was what we did
// not hear of.
absl::Status S3ObjectStore::Impl::PutParts(int fd,
                                           const Place& place,
                                           const S3File& file,
                                           const PutRequest& request,
                                           const std::stop_token& stop) {
  for (bool again = true;; again = false) {
    ASSIGN_OR_RETURN(S3Upload upload, BeginOrResume(place, file, request, stop));
    absl::Status status = SendMissing(fd, file, upload, stop);
    if (status.ok()) {
      status = Complete(file, upload, stop);
    }
    if (absl::IsNotFound(status)) {
      uploads.Forget(upload);
      const absl::StatusOr<bool> there = IsThere(place, file, stop);
      status = there.ok() && *there ? absl::OkStatus() : status;
      if (!status.ok() && again) {
        continue;
      }
    }
    if (status.ok()) {
      uploads.Forget(upload);
    }
    return status;
  }
}

absl::StatusOr<S3Upload> S3ObjectStore::Impl::BeginOrResume(const Place& place,
                                                            const S3File& file,
                                                            const PutRequest& request,
                                                            const std::stop_token& stop) {
  const std::int64_t part_bytes = PartBytes(request.bytes);
  if (std::optional<S3Upload> begun = uploads.Find(place.bucket, place.key)) {
    if (begun->sha256 == file.sha256 && begun->part_bytes == part_bytes) {
      std::erase_if(begun->etags, [&](const auto& part) {
        return part.first > static_cast<int>(file.parts.size());
      });
      SPDLOG_INFO("s3 upload resumed bucket={} key={} parts={} of={}",
                  place.bucket,
                  place.key,
                  begun->etags.size(),
                  file.parts.size());
      return *std::move(begun);
    }
    RETURN_IF_ERROR(Abort(*begun, stop));
  }
  S3Call call{.method = "POST",
              .bucket = place.bucket,
              .key = place.key,
              .query = {{"uploads", ""}},
              .headers = {{"Content-Type", request.content_type}}};
  if (options.checksums) {
    call.headers.emplace_back("x-amz-checksum-algorithm", "SHA256");
  }
  ASSIGN_OR_RETURN(const S3Answer answer, client.Call(call, stop));
  S3Upload upload{.bucket = place.bucket,
                  .key = place.key,
                  .upload_id = TextIn(answer, "InitiateMultipartUploadResult", "UploadId"),
                  .sha256 = file.sha256,
                  .part_bytes = part_bytes};
  if (upload.upload_id.empty() || absl::StrContains(upload.upload_id, '\n')) {
    return absl::UnavailableError("S3 began a multipart upload without an id");
  }
  if (const absl::Status status = uploads.Begin(upload); !status.ok()) {
    (void)Abort(upload, stop);  // Nobody would find it again.
    return absl::UnavailableError(status.message());
  }
  return upload;
}

absl::Status S3ObjectStore::Impl::SendMissing(int fd,
                                              const S3File& file,
                                              S3Upload& upload,
                                              const std::stop_token& stop) {
  Mutex mutex;  // Of all below.
  std::size_t next = 0;
  absl::Status first_failure;
  std::stop_source ended;
  const std::stop_callback stop_all(stop, [&] { ended.request_stop(); });
  const auto take = [&]() -> std::optional<std::size_t> {
    MutexLock lock(mutex);
    while (next < file.parts.size() && upload.etags.count(static_cast<int>(next) + 1) > 0) {
      ++next;
    }
    return next < file.parts.size() && first_failure.ok() ? std::optional(next++) : std::nullopt;
  };
  const auto send = [&] {
    while (const std::optional<std::size_t> index = take()) {
      const int number = static_cast<int>(*index) + 1;
      S3Call call = PartCall(fd, {upload.bucket, upload.key}, file.parts[*index]);
      call.query = {{"partNumber", absl::StrCat(number)}, {"uploadId", upload.upload_id}};
      const absl::StatusOr<S3Answer> answer = client.Call(call, ended.get_token());
      MutexLock lock(mutex);
      absl::Status status = answer.status();
      if (answer.ok()) {
        upload.etags[number] = ETagOf(*answer);
        status = uploads.AddPart(upload, number, upload.etags[number]);
      }
      if (!status.ok() && first_failure.ok()) {
        first_failure = status;
        ended.request_stop();
      }
    }
  };
  std::vector<std::thread> threads;
  const auto count = std::min<std::size_t>(static_cast<std::size_t>(options.parts_at_once),
                                           file.parts.size() - upload.etags.size());
  for (std::size_t i = 1; i < count; ++i) {
    threads.emplace_back(send);
  }
  send();
  for (std::thread& thread : threads) {
    thread.join();
  }
  MutexLock lock(mutex);
  return first_failure;
}

absl::Status S3ObjectStore::Impl::Complete(const S3File& file,
                                           const S3Upload& upload,
                                           const std::stop_token& stop) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  for (const auto& [number, etag] : upload.etags) {
    pugi::xml_node part = root.append_child("Part");
    if (options.checksums) {
      const std::string& sha256 = file.parts.at(static_cast<std::size_t>(number) - 1).sha256;
      part.append_child("ChecksumSHA256").text().set(S3Checksum(sha256).c_str());
    }
    part.append_child("ETag").text().set(etag.c_str());
    part.append_child("PartNumber").text().set(number);
  }
  std::ostringstream body;
  document.save(body, "", pugi::format_raw);
  return client
      .Call({.method = "POST",
             .bucket = upload.bucket,
             .key = upload.key,
             .query = {{"uploadId", upload.upload_id}},
             .headers = {{"Content-Type", "application/xml"}},
             .body = body.str()},
            stop)
      .status();
}

absl::Status S3ObjectStore::Impl::Abort(const S3Upload& upload, const std::stop_token& stop) {
  const absl::Status status = client
                                  .Call({.method = "DELETE",
                                         .bucket = upload.bucket,
                                         .key = upload.key,
                                         .query = {{"uploadId", upload.upload_id}}},
                                        stop)
                                  .status();
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
      absl::IsCancelled(status) || absl::IsUnauthenticated(status)) {
    return status;
  }
  if (!status.ok() && !absl::IsNotFound(status)) {  // The bucket's life-cycle rules have to do it.
    SPDLOG_WARN("s3 upload not aborted bucket={} key={} error=\"{}\"",
                upload.bucket,
                upload.key,
                std::string(status.message()));
  }
  uploads.Forget(upload);
  return absl::OkStatus();
}

// ---------------------------------------------------------------- removing

absl::StatusOr<std::vector<std::string>> S3ObjectStore::Impl::List(const Place& prefix,
                                                                   const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const S3Answer answer,
                   client.Call({.method = "GET",
                                .bucket = prefix.bucket,
                                .query = {{"list-type", "2"}, {"prefix", prefix.key}}},
                               stop));
  pugi::xml_document document;
  document.load_buffer(answer.body.data(), answer.body.size());
  std::vector<std::string> keys;
  for (const pugi::xml_node object : document.child("ListBucketResult").children("Contents")) {
    std::string key = object.child("Key").text().get();
    if (absl::StartsWith(key, prefix.key)) {  // Nothing else is ours to remove, whoever lists it.
      keys.push_back(std::move(key));
    }
  }
  return keys;
}

S3ObjectStore::S3ObjectStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
S3ObjectStore::~S3ObjectStore() = default;

absl::StatusOr<std::unique_ptr<S3ObjectStore>> S3ObjectStore::Open(S3StoreOptions options,
                                                                   Clock& clock) {
  ASSIGN_OR_RETURN(S3Uploads uploads, S3Uploads::Open(options.uploads_folder));
  return std::unique_ptr<S3ObjectStore>(
      new S3ObjectStore(std::make_unique<Impl>(std::move(options), std::move(uploads), clock)));
}

absl::StatusOr<std::string> S3ObjectStore::Put(int fd,
                                               const PutRequest& request,
                                               const std::stop_token& stop) {
  if (const absl::Status status = impl_->Store(fd, request, stop); !status.ok()) {
    return WithItemError(Annotate(status, request.key),
                         rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
  }
  ASSIGN_OR_RETURN(const Place place, impl_->PlaceOf(request.key));
  return absl::StrCat(impl_->options.url_base, "/", place.bucket, "/", place.key);
}

absl::Status S3ObjectStore::Probe(const std::stop_token& stop) {
  S3Call call{.method = "GET", .bucket = impl_->options.bucket, .once = true};
  if (!call.bucket.empty()) {
    call.query = {{"list-type", "2"}, {"max-keys", "1"}};
  }
  const absl::Status status = impl_->client.Call(call, stop).status();
  if (!status.ok() && !absl::IsPermissionDenied(status)) {
    return status;
  }
  for (const S3Upload& upload :
       impl_->uploads.UntouchedSince(impl_->clock.Now() - impl_->options.stale_after)) {
    SPDLOG_INFO("s3 upload is stale bucket={} key={}", upload.bucket, upload.key);
    RETURN_IF_ERROR(impl_->Abort(upload, stop));
  }
  return absl::OkStatus();
}

absl::Status S3ObjectStore::Remove(const std::string& attempt_prefix, const std::stop_token& stop) {
  RETURN_IF_ERROR(CheckAttemptPrefix(attempt_prefix));
  ASSIGN_OR_RETURN(const Place prefix, impl_->PlaceOf(attempt_prefix));
  for (const S3Upload& upload : impl_->uploads.UnderPrefix(prefix.bucket, prefix.key)) {
    RETURN_IF_ERROR(impl_->Abort(upload, stop));
  }
  for (int round = 0; round < kListRoundsMax; ++round) {
    ASSIGN_OR_RETURN(const std::vector<std::string> keys, impl_->List(prefix, stop));
    if (keys.empty()) {
      return absl::OkStatus();
    }
    for (const std::string& key : keys) {
      RETURN_IF_ERROR(
          impl_->client.Call({.method = "DELETE", .bucket = prefix.bucket, .key = key}, stop)
              .status());
    }
  }
  return absl::UnavailableError(
      absl::StrCat(attempt_prefix, ": objects appear as they are removed"));
}

}  // namespace rn
