#include "coordinator/served_files.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "coordinator/api_error.h"
#include "coordinator/etag.h"

namespace rn {
namespace {

constexpr std::size_t kArtifactSegments = 5;  // Bucket, job, item, fence, file.
constexpr std::size_t kSegmentCharsMax = 128;
constexpr std::size_t kDigestChars = 64;
constexpr const char* kForever = "public, max-age=31536000, immutable";  // Never overwritten.

struct ByteRange {
  std::int64_t first;
  std::int64_t last;  // Inclusive.
};

enum class RangeKind { kWhole, kPart, kBeyond };

// One leading letter or digit keeps out "..", hidden files and uploads in progress.
bool ValidSegment(absl::string_view segment) {
  return !segment.empty() && segment.size() <= kSegmentCharsMax &&
         absl::ascii_isalnum(segment.front()) &&
         std::all_of(segment.begin(), segment.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

bool ValidDigest(absl::string_view digest) {
  return digest.size() == kDigestChars && std::all_of(digest.begin(), digest.end(), [](char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

// RFC 9110, section 14.1.2. Whatever is not one well-formed byte range counts as no range at all.
RangeKind ParseRange(absl::string_view header, std::int64_t size, ByteRange& range) {
  if (!absl::ConsumePrefix(&header, "bytes=") || absl::StrContains(header, ",")) {
    return RangeKind::kWhole;
  }
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(header, absl::MaxSplits('-', 1));
  const auto digits = [](absl::string_view text) {
    return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  };
  std::int64_t first = 0;
  std::int64_t last = 0;
  const bool has_first = !ends.first.empty();
  const bool has_last = !ends.second.empty();
  if (!absl::StrContains(header, "-") || (!has_first && !has_last) || !digits(ends.first) ||
      !digits(ends.second) || (has_first && !absl::SimpleAtoi(ends.first, &first)) ||
      (has_last && !absl::SimpleAtoi(ends.second, &last)) ||
      (has_first && has_last && last < first)) {
    return RangeKind::kWhole;
  }
  if (!has_first) {  // The last so many bytes.
    range = {std::max<std::int64_t>(0, size - last), size - 1};
    return last > 0 && size > 0 ? RangeKind::kPart : RangeKind::kBeyond;
  }
  range = {first, has_last ? std::min(last, size - 1) : size - 1};
  return first < size ? RangeKind::kPart : RangeKind::kBeyond;
}

HttpResponse NotFound() {
  return ErrorResponse(404, "there is no such file");
}

// Walks `segments` from `root`, following no symbolic link; an invalid descriptor when it leads
// nowhere.
UniqueFd OpenBelow(const std::filesystem::path& root, const std::vector<std::string>& segments) {
  UniqueFd at(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t i = 0; i < segments.size() && at.valid(); ++i) {
    const int kind =
        i + 1 < segments.size() ? O_DIRECTORY : O_NONBLOCK;  // A FIFO must not hang us.
    at.Reset(::openat(at.get(), segments[i].c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind));
  }
  return at;
}

// Size and time name the version: artifacts are written once, under a path of their own.
std::string StatEtag(int fd) {
  struct stat info = {};
  ::fstat(fd, &info);
  return absl::StrCat(absl::Hex(info.st_size),
                      "-",
                      absl::Hex(info.st_mtim.tv_sec),
                      "-",
                      absl::Hex(info.st_mtim.tv_nsec));
}

}  // namespace

std::string ContentTypeOf(absl::string_view file_name) {
  static const std::map<std::string, std::string> types = {
      {"mp4", "video/mp4"},
      {"webm", "video/webm"},
      {"jpg", "image/jpeg"},
      {"jpeg", "image/jpeg"},
      {"png", "image/png"},
      {"webp", "image/webp"},
      {"srt", "application/x-subrip; charset=utf-8"},
      {"vtt", "text/vtt; charset=utf-8"},
      {"csv", "text/csv; charset=utf-8"},
      {"json", "application/json"},
      {"mp3", "audio/mpeg"},
      {"m4a", "audio/mp4"},
      {"wav", "audio/wav"},
      {"flac", "audio/flac"},
      {"ogg", "audio/ogg"},
      {"opus", "audio/ogg"}};
  const std::size_t dot = file_name.rfind('.');
  const auto found = dot == absl::string_view::npos
                         ? types.end()
                         : types.find(absl::AsciiStrToLower(file_name.substr(dot + 1)));
  return found == types.end() ? "application/octet-stream" : found->second;
}

HttpResponse FileResponse(const HttpRequest& request, ServedFile file) {
  struct stat info = {};
  if (!file.fd.valid() || ::fstat(file.fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return NotFound();
  }
  const std::string etag = absl::StrCat("\"", file.etag, "\"");
  HttpResponse response;
  response.headers = {{"ETag", etag},
                      {"Accept-Ranges", "bytes"},
                      {"Cache-Control", kForever},
                      {"X-Content-Type-Options", "nosniff"}};
  if (const auto header = request.Header("if-none-match"); header && MatchesEtag(*header, etag)) {
    response.status = 304;
    return response;
  }
  ByteRange range = {0, info.st_size - 1};
  RangeKind kind = RangeKind::kWhole;
  const auto condition = request.Header("if-range");
  const auto wanted = request.Header("range");
  if (wanted.has_value() && (!condition.has_value() || *condition == etag)) {
    kind = ParseRange(*wanted, info.st_size, range);
  }
  if (kind == RangeKind::kBeyond) {
    response =
        ErrorResponse(416, "range_not_satisfiable", "the range begins beyond the file's end");
    response.headers.emplace_back("Content-Range", absl::StrCat("bytes */", info.st_size));
    return response;
  }
  if (kind == RangeKind::kPart) {
    response.status = 206;
    response.headers.emplace_back(
        "Content-Range", absl::StrCat("bytes ", range.first, "-", range.last, "/", info.st_size));
  }
  response.headers.emplace_back("Content-Type", file.content_type);
  response.file = HttpFile{
      .fd = std::move(file.fd), .offset = range.first, .length = range.last - range.first + 1};
  return response;
}

std::optional<HttpResponse> ServedFiles::Handle(const HttpRequest& request) const {
  absl::string_view path = request.path;
  const bool artifact = absl::ConsumePrefix(&path, "/artifacts/");
  const bool asset = !artifact && absl::ConsumePrefix(&path, "/assets/");
  if (!artifact && !asset) {
    return std::nullopt;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse refused = ErrorResponse(405, "files can be read with GET and HEAD only");
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
  }
  return artifact ? Artifact(request, path) : Asset(request, path);
}

HttpResponse ServedFiles::Artifact(const HttpRequest& request, absl::string_view path) const {
  const std::vector<std::string> segments = absl::StrSplit(path, '/');
  if (segments.size() != kArtifactSegments ||
      !std::all_of(segments.begin(), segments.end(), ValidSegment)) {
    return NotFound();
  }
  UniqueFd fd = OpenBelow(artifacts_, segments);
  if (!fd.valid()) {
    return NotFound();
  }
  std::string etag = StatEtag(fd.get());
  return FileResponse(request, {std::move(fd), std::move(etag), ContentTypeOf(segments.back())});
}

HttpResponse ServedFiles::Asset(const HttpRequest& request, absl::string_view digest) const {
  if (!ValidDigest(digest)) {
    return NotFound();
  }
  const auto path = assets_(std::string(digest));
  if (!path.has_value()) {
    return NotFound();
  }
  UniqueFd fd(::open(path->c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    SPDLOG_ERROR("asset unreadable sha256={} path={}", std::string(digest), path->string());
    return NotFound();
  }
  return FileResponse(
      request, {std::move(fd), std::string(digest), ContentTypeOf(path->filename().string())});
}

}  // namespace rn
