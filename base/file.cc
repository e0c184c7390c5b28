#include "base/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/disk_full.h"
#include "base/status.h"

namespace rn {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kCopyBlockBytes = 1 << 20;

absl::StatusOr<UniqueFd> OpenFile(const fs::path& path, int flags, mode_t mode = 0) {
  UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd.valid()) {
    return ErrnoStatus(errno, path.string());
  }
  return fd;
}

// Reads up to `size` bytes; fewer only at the end of the file.
absl::StatusOr<std::size_t> ReadBlock(int fd, char* data, std::size_t size, const fs::path& path) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = read(fd, data + done, size - done);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return ErrnoStatus(errno, path.string());
    }
    if (got == 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

absl::Status WriteAll(int fd, absl::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return WriteErrnoStatus(errno, path.string());
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return absl::OkStatus();
}

// `write(fd)` fills a temporary beside `path`, which then takes its place durably.
template <typename Write>
absl::Status ReplaceDurably(const fs::path& path, Write write) {
  std::string temporary = path.string() + ".tmp.XXXXXX";
  UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) {
    return WriteErrnoStatus(errno, path.string());
  }
  absl::Status status = write(fd.get());
  if (status.ok() && (fchmod(fd.get(), 0644) != 0 || fsync(fd.get()) != 0 ||
                      rename(temporary.c_str(), path.c_str()) != 0)) {
    status = WriteErrnoStatus(errno, path.string());
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

// Calls `block(bytes)` for the file's contents in order.
template <typename Block>
absl::Status ForEachBlock(const fs::path& path, Block block) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY));
  std::vector<char> buffer(kCopyBlockBytes);
  while (true) {
    ASSIGN_OR_RETURN(const std::size_t got,
                     ReadBlock(fd.get(), buffer.data(), buffer.size(), path));
    if (got == 0) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(block(absl::string_view(buffer.data(), got)));
  }
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const fs::path& path, std::int64_t max_bytes) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY));
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) {
    return ErrnoStatus(errno, path.string());
  }
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": is a directory"));
  }
  std::string contents;
  std::array<char, 65536> buffer;
  while (true) {
    ASSIGN_OR_RETURN(const std::size_t got,
                     ReadBlock(fd.get(), buffer.data(), buffer.size(), path));
    contents.append(buffer.data(), got);
    if (static_cast<std::int64_t>(contents.size()) > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path.string(), ": longer than the limit of ", max_bytes, " bytes"));
    }
    if (got < buffer.size()) {
      return contents;
    }
  }
}

absl::Status WriteFileDurably(const fs::path& path, absl::string_view contents) {
  return ReplaceDurably(path, [&](int fd) { return WriteAll(fd, contents, path); });
}

absl::Status CopyFileDurably(const fs::path& from, const fs::path& to) {
  return ReplaceDurably(to, [&](int fd) {
    return ForEachBlock(from, [&](absl::string_view bytes) { return WriteAll(fd, bytes, to); });
  });
}

absl::Status CreateDirectories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? WriteErrnoStatus(error.value(), path.string()) : absl::OkStatus();
}

absl::Status SyncDirectory(const fs::path& path) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY | O_DIRECTORY));
  return fsync(fd.get()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, path.string());
}

struct Sha256Hasher::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> evp{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256Hasher::Sha256Hasher() : context_(std::make_unique<Context>()) {
  CHECK(EVP_DigestInit_ex(context_->evp.get(), EVP_sha256(), nullptr) == 1);
}

Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher::~Sha256Hasher() = default;

void Sha256Hasher::Update(absl::string_view bytes) {
  CHECK(EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256Hasher::Hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  CHECK(EVP_DigestFinal_ex(context_->evp.get(), digest.data(), &size) == 1);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

absl::StatusOr<std::string> Sha256File(const fs::path& path) {
  Sha256Hasher hasher;
  RETURN_IF_ERROR(ForEachBlock(path, [&](absl::string_view bytes) {
    hasher.Update(bytes);
    return absl::OkStatus();
  }));
  return hasher.Hex();
}

std::string Sha256(absl::string_view bytes) {
  Sha256Hasher hasher;
  hasher.Update(bytes);
  return hasher.Hex();
}

absl::StatusOr<TempDir> TempDir::Create(absl::string_view prefix, const fs::path& parent) {
  std::error_code error;
  const fs::path base = parent.empty() ? fs::temp_directory_path(error) : parent;
  std::string name = (base / (std::string(prefix) + "XXXXXX")).string();
  if (mkdtemp(name.data()) == nullptr) {
    return ErrnoStatus(errno, name);
  }
  return TempDir(name);
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (!path_.empty()) {
    std::error_code ignored;  // A folder that will not go is the caller's disk's problem, not ours.
    fs::remove_all(path_, ignored);
  }
}

void UniqueFd::Reset(int fd) {
  if (fd_ >= 0) {
    close(fd_);
  }
  fd_ = fd;
}

}  // namespace rn
