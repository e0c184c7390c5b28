#include "daemon/s3_digest.h"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;
constexpr std::size_t kMd5Chars = 32;

class Md5 {
 public:
  Md5() { EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr); }
  void Update(absl::string_view bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  std::string Hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
    return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), size});
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

// Of an object in parts: the digest of its parts' digests, and their number.
std::string CompositeMd5(const S3File& file) {
  Md5 md5;
  for (const S3Part& part : file.parts) {
    md5.Update(absl::HexStringToBytes(part.md5));
  }
  return absl::StrCat(md5.Hex(), "-", file.parts.size());
}

std::string CompositeChecksum(const S3File& file) {
  Sha256Hasher sha256;
  for (const S3Part& part : file.parts) {
    sha256.Update(absl::HexStringToBytes(part.sha256));
  }
  return absl::StrCat(S3Checksum(sha256.Hex()), "-", file.parts.size());
}

std::string HeaderOf(const std::map<std::string, std::string>& headers, const char* name) {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

bool IsEncryptedByKey(const std::map<std::string, std::string>& headers) {
  return absl::StrContains(HeaderOf(headers, "x-amz-server-side-encryption"), "kms") ||
         !HeaderOf(headers, "x-amz-server-side-encryption-customer-algorithm").empty();
}

}  // namespace

absl::StatusOr<S3File> DigestForS3(int fd, std::int64_t part_bytes, const std::stop_token& stop) {
  S3File file;
  Sha256Hasher whole;
  std::string block(kBlockBytes, '\0');
  bool ended = false;
  while (!ended) {
    S3Part part{.offset = file.bytes};
    Sha256Hasher sha256;
    Md5 md5;
    while (part_bytes == 0 || part.bytes < part_bytes) {
      if (stop.stop_requested()) {
        return absl::CancelledError("upload stopped");
      }
      const std::int64_t left = part_bytes == 0 ? kBlockBytes : part_bytes - part.bytes;
      const ssize_t got = pread(fd,
                                block.data(),
                                std::min<std::size_t>(kBlockBytes, static_cast<std::size_t>(left)),
                                file.bytes);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return absl::UnavailableError(ErrnoStatus(errno, "read").message());
      }
      ended = got == 0;
      if (ended) {
        break;
      }
      const absl::string_view bytes(block.data(), static_cast<std::size_t>(got));
      whole.Update(bytes);
      sha256.Update(bytes);
      md5.Update(bytes);
      part.bytes += got;
      file.bytes += got;
    }
    if (part.bytes > 0 || file.parts.empty()) {
      part.sha256 = sha256.Hex();
      part.md5 = md5.Hex();
      file.parts.push_back(std::move(part));
    }
  }
  file.sha256 = whole.Hex();
  return file;
}

std::string S3Checksum(absl::string_view sha256_hex) {
  return absl::Base64Escape(absl::HexStringToBytes(sha256_hex));
}

S3Match Compare(const S3File& file, const std::map<std::string, std::string>& headers) {
  std::int64_t bytes = -1;
  if (!absl::SimpleAtoi(HeaderOf(headers, "content-length"), &bytes) || bytes != file.bytes) {
    return S3Match::kOther;
  }
  const std::string checksum = HeaderOf(headers, "x-amz-checksum-sha256");
  if (!checksum.empty() &&
      (checksum == S3Checksum(file.sha256) || checksum == CompositeChecksum(file))) {
    return S3Match::kSame;
  }
  if (!checksum.empty() && !absl::StrContains(checksum, '-')) {
    return S3Match::kOther;
  }
  const std::string etag(
      absl::StripSuffix(absl::StripPrefix(HeaderOf(headers, "etag"), "\""), "\""));
  const bool same = etag.size() == kMd5Chars ? file.parts.size() == 1 && etag == file.parts[0].md5
                                             : etag == CompositeMd5(file);
  // Another ETag proves nothing: it may be of other parts, or no MD5 at all.
  return same && !IsEncryptedByKey(headers) ? S3Match::kSame : S3Match::kUnknown;
}

}  // namespace rn
