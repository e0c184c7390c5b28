#include "coordinator/http.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace rn {
namespace {

std::optional<std::string> First(const HttpFields& fields, absl::string_view name) {
  for (const auto& [field, value] : fields) {
    if (field == name) {
      return value;
    }
  }
  return std::nullopt;
}

int HexDigit(char c) {
  if (absl::ascii_isdigit(c)) {
    return c - '0';
  }
  return absl::ascii_isxdigit(c) ? absl::ascii_tolower(c) - 'a' + 10 : -1;
}

absl::StatusOr<std::string> PercentDecode(absl::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return absl::InvalidArgumentError("a % in the URL is not followed by two hex digits");
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') {
      return absl::InvalidArgumentError("the URL holds a NUL");
    }
    decoded.push_back(c);
  }
  return decoded;
}

absl::StatusOr<HttpFields> ParseQuery(absl::string_view text) {
  HttpFields query;
  for (const absl::string_view part : absl::StrSplit(text, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    ASSIGN_OR_RETURN(std::string name, PercentDecode(field.first, /*plus_is_space=*/true));
    ASSIGN_OR_RETURN(std::string value, PercentDecode(field.second, /*plus_is_space=*/true));
    query.emplace_back(std::move(name), std::move(value));
  }
  return query;
}

}  // namespace

std::optional<std::string> HttpRequest::Header(absl::string_view lower_case_name) const {
  return First(headers, lower_case_name);
}

std::optional<std::string> HttpRequest::Query(absl::string_view name) const {
  return First(query, name);
}

absl::StatusOr<std::pair<std::string, HttpFields>> ParseTarget(absl::string_view target) {
  if (target.empty() || target.front() != '/') {
    return absl::InvalidArgumentError("the request target must be a path that starts with /");
  }
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(target, absl::MaxSplits('?', 1));
  ASSIGN_OR_RETURN(std::string path, PercentDecode(parts.first, /*plus_is_space=*/false));
  ASSIGN_OR_RETURN(HttpFields query, ParseQuery(parts.second));
  return std::make_pair(std::move(path), std::move(query));
}

}  // namespace rn
