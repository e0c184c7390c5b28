#include "coordinator/query.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "coordinator/json_fields.h"

namespace rn {
namespace {

constexpr absl::string_view kTokenPrefix = "p1:";  // Tells a token of ours from anything else.

}  // namespace

std::string QueryReader::Name(const std::string& name, const std::vector<std::string>& valid) {
  std::string value = Text(name);
  if (!value.empty() && std::find(valid.begin(), valid.end(), value) == valid.end()) {
    Fail(name, UnknownName(name, Quotable(value), valid));
    return "";
  }
  return value;
}

std::int64_t QueryReader::Number(const std::string& name,
                                 std::int64_t absent,
                                 std::int64_t min,
                                 std::int64_t max) {
  const std::string value = Text(name);
  std::int64_t number = absent;
  if (!value.empty() && (!absl::SimpleAtoi(value, &number) || number < min || number > max)) {
    Fail(name, absl::StrCat("must be a whole number from ", min, " to ", max));
    return absent;
  }
  return number;
}

std::optional<absl::Time> QueryReader::Time(const std::string& name) {
  const std::string value = Text(name);
  absl::Time time;
  if (value.empty()) {
    return std::nullopt;
  }
  if (!absl::ParseTime(absl::RFC3339_full, value, &time, nullptr)) {
    Fail(name, "must be a time as 2026-01-31T12:00:00Z");
    return std::nullopt;
  }
  return time;
}

int QueryReader::PageSize() {
  return static_cast<int>(Number("page_size", kPageSizeDefault, 1, kPageSizeMax));
}

std::string QueryReader::PageStart(absl::string_view list) {
  const std::string value = Text("page_token");
  std::string decoded;
  absl::string_view start;
  if (value.empty()) {
    return "";
  }
  if (absl::WebSafeBase64Unescape(value, &decoded)) {
    start = decoded;
  }
  if (!absl::ConsumePrefix(&start, kTokenPrefix) || !absl::ConsumePrefix(&start, list) ||
      !absl::ConsumePrefix(&start, ":") || start.empty()) {
    Fail("page_token", "must be the next_page_token of an earlier page of this list");
    return "";
  }
  return std::string(start);
}

void QueryReader::Fail(const std::string& name, std::string message) {
  if (errors_.size() < kFieldErrorsMax) {
    errors_.push_back({absl::StrCat("?", Quotable(name)), std::move(message)});
  }
}

void QueryReader::Finish() {
  for (const auto& [name, _] : request_.query) {
    if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
      Fail(name, UnknownName("parameter", Quotable(name), known_));
    }
  }
}

std::string QueryReader::Text(const std::string& name) {
  known_.push_back(name);
  return request_.Query(name).value_or("");
}

std::string PageToken(absl::string_view list, absl::string_view start) {
  return absl::WebSafeBase64Escape(absl::StrCat(kTokenPrefix, list, ":", start));
}

}  // namespace rn
