#include "daemon/file_object_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status.h"
#include "proto/item_error.h"

namespace rn {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;
constexpr std::size_t kProbeBytes = 4096;  // Enough to be refused by a full disk.
constexpr char kProbeName[] = ".probe-XXXXXX";

// The store's trouble: nothing is wrong with this object, so it is never a refusal.
absl::Status StoreError(int error_number, absl::string_view what) {
  const std::string message =
      absl::StrCat(what, ": ", std::generic_category().message(error_number));
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return WithItemError(absl::ResourceExhaustedError(message),
                         rendernode::ITEM_ERROR_QUOTA_EXCEEDED);
  }
  return absl::UnavailableError(message);
}

// Follows no symbolic link. NotFound: there is no such folder.
absl::StatusOr<UniqueFd> OpenBelow(int folder, const std::string& name) {
  UniqueFd next(openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!next.valid()) {
    return errno == ENOENT ? absl::NotFoundError(name) : StoreError(errno, name);
  }
  return next;
}

enum class Missing { kIsMade, kIsAnError };

// What is missing below `root` is made durably, or NotFound.
absl::StatusOr<UniqueFd> OpenFolder(const std::filesystem::path& root,
                                    const std::vector<std::string>& segments,
                                    Missing missing) {
  UniqueFd folder(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) {
    return StoreError(errno, root.string());
  }
  for (const std::string& segment : segments) {
    if (missing == Missing::kIsMade) {
      if (mkdirat(folder.get(), segment.c_str(), 0755) == 0) {
        if (fsync(folder.get()) != 0) {
          return StoreError(errno, segment);
        }
      } else if (errno != EEXIST) {
        return StoreError(errno, segment);
      }
    }
    absl::StatusOr<UniqueFd> next = OpenBelow(folder.get(), segment);
    if (absl::IsNotFound(next.status()) && missing == Missing::kIsMade) {
      return absl::UnavailableError(absl::StrCat(segment, ": removed by somebody else"));
    }
    RETURN_IF_ERROR(next.status());
    folder = *std::move(next);
  }
  return folder;
}

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

absl::Status RemoveFiles(UniqueFd folder) {
  const std::unique_ptr<DIR, CloseFolder> listing(fdopendir(folder.get()));
  if (listing == nullptr) {
    return StoreError(errno, "list");
  }
  const int fd = folder.Release();  // The listing's.
  while (const dirent* entry = readdir(listing.get())) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != ".." && unlinkat(fd, entry->d_name, 0) != 0 && errno != ENOENT) {
      return StoreError(errno, name);
    }
  }
  return absl::OkStatus();
}

// Calls `take(bytes)` for the file's contents in order, from its beginning.
template <typename Take>
absl::Status ForEachBlock(int fd, const std::stop_token& stop, Take take) {
  std::string block(kBlockBytes, '\0');
  off_t offset = 0;
  while (!stop.stop_requested()) {
    const ssize_t got = pread(fd, block.data(), block.size(), offset);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return absl::UnavailableError(absl::StrCat("read: ", std::generic_category().message(errno)));
    }
    if (got == 0) {
      return absl::OkStatus();
    }
    offset += got;
    RETURN_IF_ERROR(take(absl::string_view(block.data(), static_cast<std::size_t>(got))));
  }
  return absl::CancelledError("upload stopped");
}

absl::StatusOr<std::string> DigestOf(int fd, const std::stop_token& stop) {
  Sha256Hasher hasher;
  RETURN_IF_ERROR(ForEachBlock(fd, stop, [&](absl::string_view bytes) {
    hasher.Update(bytes);
    return absl::OkStatus();
  }));
  return hasher.Hex();
}

// A place in a folder, and the hidden file beside it that is to become its object.
class Place {
 public:
  Place(UniqueFd folder, const std::string& name)
      : folder_(std::move(folder)), name_(name), part_(absl::StrCat(".", name, ".part")) {}

  // The object that is there; an invalid descriptor: none.
  absl::StatusOr<UniqueFd> OpenObject() const { return Open(name_, O_RDONLY | O_NONBLOCK); }

  // Whatever a crash left under its name is gone.
  absl::StatusOr<UniqueFd> CreatePart() const {
    RETURN_IF_ERROR(RemovePart());
    UniqueFd part(openat(
        folder_.get(), part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    return part.valid() ? absl::StatusOr<UniqueFd>(std::move(part)) : StoreError(errno, part_);
  }
  absl::StatusOr<UniqueFd> OpenPart() const { return Open(part_, O_RDONLY); }

  // A link, not a rename: it fails where something is already.
  absl::Status Publish() const {
    if (linkat(folder_.get(), part_.c_str(), folder_.get(), name_.c_str(), 0) != 0) {
      return errno == EEXIST ? absl::AlreadyExistsError("the object was put by somebody else")
                             : StoreError(errno, name_);
    }
    return absl::OkStatus();
  }

  absl::Status RemovePart() const {
    return unlinkat(folder_.get(), part_.c_str(), 0) == 0 || errno == ENOENT
               ? absl::OkStatus()
               : StoreError(errno, part_);
  }

  absl::Status Sync() const {
    return fsync(folder_.get()) == 0 ? absl::OkStatus() : StoreError(errno, name_);
  }

 private:
  absl::StatusOr<UniqueFd> Open(const std::string& name, int flags) const {
    UniqueFd fd(openat(folder_.get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid() && errno != ENOENT) {
      return StoreError(errno, name);
    }
    return fd;
  }

  const UniqueFd folder_;
  const std::string name_;
  const std::string part_;
};

absl::Status CopyInto(int part, int from, const PutRequest& request, const std::stop_token& stop) {
  Sha256Hasher hasher;
  std::int64_t bytes = 0;
  RETURN_IF_ERROR(ForEachBlock(from, stop, [&](absl::string_view block) {
    hasher.Update(block);
    bytes += static_cast<std::int64_t>(block.size());
    while (!block.empty()) {
      const ssize_t put = write(part, block.data(), block.size());
      if (put < 0 && errno != EINTR) {
        return StoreError(errno, "write");
      }
      block.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(0, put)));
    }
    return absl::OkStatus();
  }));
  const std::string sha256 = hasher.Hex();
  if (bytes != request.bytes || sha256 != request.sha256) {
    return absl::DataLossError(absl::StrCat("the file has ",
                                            bytes,
                                            " bytes of SHA-256 ",
                                            sha256,
                                            ", not the ",
                                            request.bytes,
                                            " bytes of ",
                                            request.sha256,
                                            " that were rendered"));
  }
  return fsync(part) == 0 ? absl::OkStatus() : StoreError(errno, "fsync");
}

// Reads back what was written, from the disk or the server rather than from our own memory.
absl::Status Verify(const Place& place, const PutRequest& request, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const UniqueFd part, place.OpenPart());
  if (!part.valid()) {
    return absl::UnavailableError("the upload under way was removed by somebody else");
  }
  posix_fadvise(part.get(), 0, 0, POSIX_FADV_DONTNEED);
  ASSIGN_OR_RETURN(const std::string sha256, DigestOf(part.get(), stop));
  return sha256 == request.sha256
             ? absl::OkStatus()
             : absl::UnavailableError(absl::StrCat(
                   "read back with SHA-256 ", sha256, " after writing ", request.sha256));
}

// True: the object is there already, the same. AlreadyExists: another is.
absl::StatusOr<bool> IsThere(const Place& place,
                             const PutRequest& request,
                             const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const UniqueFd object, place.OpenObject());
  if (!object.valid()) {
    return false;
  }
  ASSIGN_OR_RETURN(const std::string sha256, DigestOf(object.get(), stop));
  if (sha256 != request.sha256) {
    return absl::AlreadyExistsError(absl::StrCat(
        "an object with SHA-256 ", sha256, " is there; it is not replaced by ", request.sha256));
  }
  return true;
}

absl::Status Store(const Place& place,
                   int from,
                   const PutRequest& request,
                   const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const bool there, IsThere(place, request, stop));
  if (!there) {
    ASSIGN_OR_RETURN(const UniqueFd part, place.CreatePart());
    RETURN_IF_ERROR(CopyInto(part.get(), from, request, stop));
    RETURN_IF_ERROR(Verify(place, request, stop));
    RETURN_IF_ERROR(place.Publish());
  }
  RETURN_IF_ERROR(place.RemovePart());
  return place.Sync();
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileObjectStore>> FileObjectStore::Open(FileStoreOptions options) {
  RETURN_IF_ERROR(CreateDirectories(options.root));
  return std::unique_ptr<FileObjectStore>(new FileObjectStore(std::move(options)));
}

absl::StatusOr<std::string> FileObjectStore::Put(int fd,
                                                 const PutRequest& request,
                                                 const std::stop_token& stop) {
  const auto failed = [&](const absl::Status& status) {
    return WithItemError(Annotate(status, request.key),
                         rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
  };
  if (const absl::Status status = CheckKey(request.key); !status.ok()) {
    return failed(status);
  }
  std::vector<std::string> segments = absl::StrSplit(request.key, '/');
  const std::string name = std::move(segments.back());
  segments.pop_back();
  absl::StatusOr<UniqueFd> folder = OpenFolder(options_.root, segments, Missing::kIsMade);
  if (!folder.ok()) {
    return failed(folder.status());
  }
  const Place place(*std::move(folder), name);
  if (const absl::Status status = Store(place, fd, request, stop); !status.ok()) {
    (void)place.RemovePart();  // The next try would remove it too.
    return failed(status);
  }
  return absl::StrCat(options_.url_base, "/", request.key);
}

absl::Status FileObjectStore::Probe(const std::stop_token&) {
  std::string path = (options_.root / kProbeName).string();
  const UniqueFd file(mkostemp(path.data(), O_CLOEXEC));
  if (!file.valid()) {
    return StoreError(errno, options_.root.string());
  }
  unlink(path.c_str());
  const std::string block(kProbeBytes, '\0');
  const ssize_t put = write(file.get(), block.data(), block.size());
  if (put < 0 || fsync(file.get()) != 0) {
    return StoreError(errno, options_.root.string());
  }
  return static_cast<std::size_t>(put) == block.size() ? absl::OkStatus()
                                                       : StoreError(ENOSPC, options_.root.string());
}

absl::Status FileObjectStore::Remove(const std::string& attempt_prefix, const std::stop_token&) {
  RETURN_IF_ERROR(CheckAttemptPrefix(attempt_prefix));
  std::vector<std::string> segments = absl::StrSplit(attempt_prefix, '/', absl::SkipEmpty());
  const std::string name = std::move(segments.back());
  segments.pop_back();
  absl::StatusOr<UniqueFd> parent = OpenFolder(options_.root, segments, Missing::kIsAnError);
  absl::StatusOr<UniqueFd> attempt = parent.ok() ? OpenBelow(parent->get(), name) : parent.status();
  if (absl::IsNotFound(attempt.status())) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Annotate(attempt.status(), attempt_prefix));
  RETURN_IF_ERROR(Annotate(RemoveFiles(*std::move(attempt)), attempt_prefix));
  if (unlinkat(parent->get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return StoreError(errno, attempt_prefix);
  }
  return fsync(parent->get()) == 0 ? absl::OkStatus() : StoreError(errno, attempt_prefix);
}

}  // namespace rn
