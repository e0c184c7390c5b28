#include "daemon/object_store.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rn {
namespace {

constexpr std::size_t kSegmentCharsMax = 128;   // As much as the coordinator serves.
constexpr std::size_t kAttemptSegmentsMin = 3;  // Job, item, fence.
constexpr std::size_t kAttemptSegmentsMax = 4;  // After a bucket.

// One leading letter or digit keeps out "..", hidden files and our own uploads under way.
bool ValidSegment(absl::string_view segment) {
  return !segment.empty() && segment.size() <= kSegmentCharsMax &&
         absl::ascii_isalnum(static_cast<unsigned char>(segment.front())) &&
         std::all_of(segment.begin(), segment.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

bool AllDigits(absl::string_view text) {
  return std::all_of(
      text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isdigit(c); });
}

}  // namespace

absl::Status CheckKey(absl::string_view key) {
  const std::vector<absl::string_view> segments = absl::StrSplit(key, '/');
  if (std::all_of(segments.begin(), segments.end(), ValidSegment)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"",
                   key,
                   "\" is no object key: each segment is 1 to ",
                   kSegmentCharsMax,
                   " letters, digits, \".\", \"-\", \"_\" and begins with a letter or digit"));
}

absl::Status CheckAttemptPrefix(absl::string_view prefix) {
  absl::string_view key = prefix;
  const bool slash = absl::ConsumeSuffix(&key, "/");
  const std::vector<absl::string_view> segments = absl::StrSplit(key, '/');
  if (slash && CheckKey(key).ok() && segments.size() >= kAttemptSegmentsMin &&
      segments.size() <= kAttemptSegmentsMax && AllDigits(segments.back())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", prefix, "\" is no attempt's prefix, as \"<bucket>/<job>/<item>/<fence>/\""));
}

}  // namespace rn
