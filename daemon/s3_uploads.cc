#include "daemon/s3_uploads.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

constexpr char kVersion[] = "1";
constexpr std::size_t kHeadLines = 6;
constexpr std::int64_t kFileBytesMax = 4 << 20;  // Of 10,000 parts.

std::optional<S3Upload> Parse(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  lines.pop_back();  // What follows the last line's end: nothing, or a line cut off.
  S3Upload upload;
  if (lines.size() < kHeadLines || lines[0] != kVersion ||
      !absl::SimpleAtoi(lines[5], &upload.part_bytes)) {
    return std::nullopt;
  }
  upload.bucket = lines[1];
  upload.key = lines[2];
  upload.upload_id = lines[3];
  upload.sha256 = lines[4];
  for (std::size_t i = kHeadLines; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> part =
        absl::StrSplit(lines[i], absl::MaxSplits(' ', 1));
    int number = 0;
    if (absl::SimpleAtoi(part.first, &number) && number > 0) {
      upload.etags[number] = part.second;
    }
  }
  return upload;
}

}  // namespace

absl::StatusOr<S3Uploads> S3Uploads::Open(fs::path folder) {
  RETURN_IF_ERROR(CreateDirectories(folder));
  return S3Uploads(std::move(folder));
}

fs::path S3Uploads::FileOf(const std::string& bucket, const std::string& key) const {
  return folder_ / Sha256(absl::StrCat(bucket, "/", key));
}

std::optional<S3Upload> S3Uploads::Find(const std::string& bucket, const std::string& key) const {
  const absl::StatusOr<std::string> text = ReadFile(FileOf(bucket, key), kFileBytesMax);
  std::optional<S3Upload> upload = text.ok() ? Parse(*text) : std::nullopt;
  return upload.has_value() && upload->bucket == bucket && upload->key == key ? upload
                                                                              : std::nullopt;
}

std::vector<std::pair<S3Upload, absl::Time>> S3Uploads::All() const {
  std::vector<std::pair<S3Upload, absl::Time>> all;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const absl::StatusOr<std::string> text = ReadFile(entry.path(), kFileBytesMax);
    std::optional<S3Upload> upload = text.ok() ? Parse(*text) : std::nullopt;
    struct stat info {};
    if (upload.has_value() && stat(entry.path().c_str(), &info) == 0) {
      all.emplace_back(*std::move(upload), absl::TimeFromTimespec(info.st_mtim));
    }
  }
  return all;
}

std::vector<S3Upload> S3Uploads::UnderPrefix(const std::string& bucket,
                                             const std::string& prefix) const {
  std::vector<S3Upload> found;
  for (auto& [upload, touched] : All()) {
    if (upload.bucket == bucket && absl::StartsWith(upload.key, prefix)) {
      found.push_back(std::move(upload));
    }
  }
  return found;
}

std::vector<S3Upload> S3Uploads::UntouchedSince(absl::Time time) const {
  std::vector<S3Upload> found;
  for (auto& [upload, touched] : All()) {
    if (touched < time) {
      found.push_back(std::move(upload));
    }
  }
  return found;
}

absl::Status S3Uploads::Begin(const S3Upload& upload) const {
  return WriteFileDurably(FileOf(upload.bucket, upload.key),
                          absl::StrJoin({std::string(kVersion),
                                         upload.bucket,
                                         upload.key,
                                         upload.upload_id,
                                         upload.sha256,
                                         absl::StrCat(upload.part_bytes, "\n")},
                                        "\n"));
}

absl::Status S3Uploads::AddPart(const S3Upload& upload, int number, const std::string& etag) const {
  const fs::path path = FileOf(upload.bucket, upload.key);
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const std::string line = absl::StrCat(number, " ", etag, "\n");
  if (!file.valid() ||
      write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    return absl::UnavailableError(ErrnoStatus(errno, path.string()).message());
  }
  return absl::OkStatus();
}

void S3Uploads::Forget(const S3Upload& upload) const {
  std::error_code ignored;  // Found again, it is aborted once more.
  fs::remove(FileOf(upload.bucket, upload.key), ignored);
}

}  // namespace rn
