// Files, durably. Every write that others may read is complete or absent, never half.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

// The whole file. ResourceExhausted when it is longer than `max_bytes`; NotFound when absent.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path, std::int64_t max_bytes);

// Durable on return: written beside `path`, fsynced, renamed over it, directory fsynced.
absl::Status WriteFileDurably(const std::filesystem::path& path, absl::string_view contents);

// Copies `from` to `to` with the same guarantee; a hard link is not used.
absl::Status CopyFileDurably(const std::filesystem::path& from, const std::filesystem::path& to);

absl::Status CreateDirectories(const std::filesystem::path& path);

// fsync of a directory: makes renames and removals inside it durable.
absl::Status SyncDirectory(const std::filesystem::path& path);

// Lower-case hex SHA-256 of a file's bytes, and of a string.
absl::StatusOr<std::string> Sha256File(const std::filesystem::path& path);
std::string Sha256(absl::string_view bytes);

// The SHA-256 of bytes that come piece by piece. Hex() ends it. Not thread-safe.
class Sha256Hasher {
 public:
  Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  ~Sha256Hasher();

  void Update(absl::string_view bytes);
  std::string Hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// A folder of its own, removed with everything in it on destruction.
class TempDir {
 public:
  // Under `parent` (default: $TMPDIR or /tmp), named "<prefix>XXXXXX", mode 0700.
  static absl::StatusOr<TempDir> Create(absl::string_view prefix,
                                        const std::filesystem::path& parent = {});
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempDir(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// A file descriptor that closes itself. -1 = none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

}  // namespace rn
