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
  std::string value = Value(name);
  if (!value.empty() && std::find(valid.begin(), valid.end(), value) == valid.end()) {
    Fail(name, UnknownName(name, Quotable(value), valid));
    return "";
  }
  return value;
}

int QueryReader::PageSize() {
  const std::string value = Value("page_size");
  int size = kPageSizeDefault;
  if (!value.empty() && (!absl::SimpleAtoi(value, &size) || size < 1 || size > kPageSizeMax)) {
    Fail("page_size", absl::StrCat("must be a whole number from 1 to ", kPageSizeMax));
    return kPageSizeDefault;
  }
  return size;
}

std::string QueryReader::PageStart() {
  const std::string value = Value("page_token");
  std::string decoded;
  absl::string_view start;
  if (value.empty()) {
    return "";
  }
  if (absl::WebSafeBase64Unescape(value, &decoded)) {
    start = decoded;
  }
  if (!absl::ConsumePrefix(&start, kTokenPrefix)) {
    Fail("page_token", "must be the next_page_token of an earlier page");
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

std::string QueryReader::Value(const std::string& name) {
  known_.push_back(name);
  return request_.Query(name).value_or("");
}

std::string PageToken(absl::string_view start) {
  return absl::WebSafeBase64Escape(absl::StrCat(kTokenPrefix, start));
}

}  // namespace rn
