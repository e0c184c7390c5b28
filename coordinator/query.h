// Query parameters of lists: filters and pages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/api_error.h"
#include "coordinator/http.h"

namespace rn {

inline constexpr int kPageSizeDefault = 50;
inline constexpr int kPageSizeMax = 500;

// Reads parameters one by one and notes every mistake with "?name" as its pointer. An empty value
// counts as absent.
class QueryReader {
 public:
  QueryReader(const HttpRequest& request, std::vector<FieldError>& errors)
      : request_(request), errors_(errors) {}

  // Empty when absent.
  std::string Name(const std::string& name, const std::vector<std::string>& valid);
  std::string Text(const std::string& name);
  // RFC 3339.
  std::optional<absl::Time> Time(const std::string& name);
  std::int64_t Number(const std::string& name,
                      std::int64_t absent,
                      std::int64_t min,
                      std::int64_t max);
  int PageSize();
  // What PageToken() made into a token of `list`; empty on the first page.
  std::string PageStart(absl::string_view list);
  void Fail(const std::string& name, std::string message);
  // Notes every parameter that nobody asked for: a misspelt filter must not list everything.
  void Finish();

 private:
  const HttpRequest& request_;
  std::vector<FieldError>& errors_;
  std::vector<std::string> known_;
};

// Opaque to clients. `list` names what is listed, without a colon; tokens of one list are none of
// another's. `start` is the last element of the page, so that what comes in before it moves
// nothing.
std::string PageToken(absl::string_view list, absl::string_view start);

}  // namespace rn
