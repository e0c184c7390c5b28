#include "coordinator/api_routes.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "coordinator/api_error.h"

namespace rn {
namespace {

constexpr absl::string_view kIdPlaceholder = "{id}";
constexpr std::size_t kIdCharsMax = 128;

// What stands for "{id}", "" without one; nothing: the path has another form.
std::optional<std::string> IdIn(absl::string_view path, const ApiOperation& operation) {
  const absl::string_view pattern = operation.path;
  const std::size_t at = pattern.find(kIdPlaceholder);
  if (at == absl::string_view::npos) {
    return path == pattern ? std::make_optional<std::string>() : std::nullopt;
  }
  const bool alike = absl::ConsumePrefix(&path, pattern.substr(0, at)) &&
                     absl::ConsumeSuffix(&path, pattern.substr(at + kIdPlaceholder.size())) &&
                     !path.empty() &&
                     (operation.id == IdForm::kName || !absl::StrContains(path, '/'));
  return alike ? std::make_optional<std::string>(path) : std::nullopt;
}

HttpResponse WrongMethod(const HttpRequest& request, const std::set<std::string>& allowed) {
  const std::string methods = absl::StrJoin(allowed, ", ");
  HttpResponse response =
      ErrorResponse(405, absl::StrCat("this path takes ", methods, ", not ", request.method));
  response.headers.emplace_back("Allow", methods);
  return response;
}

}  // namespace

AuditEntry ApiCall::Audit(const char* what, std::string target, std::string detail_json) const {
  return {.who = who.name,
          .what = what,
          .target = std::move(target),
          .detail_json = std::move(detail_json),
          .correlation_id = request.correlation_id};
}

std::optional<HttpResponse> AnswerCall(
    const HttpRequest& request,
    ApiGate& gate,
    Clock& clock,
    std::size_t operations,
    absl::FunctionRef<const ApiOperation&(std::size_t)> operation,
    absl::FunctionRef<HttpResponse(std::size_t, const ApiCall&)> handle) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::set<std::string> allowed;
  for (std::size_t i = 0; i < operations; ++i) {
    const ApiOperation& wanted = operation(i);
    std::optional<std::string> id = IdIn(request.path, wanted);
    if (!id.has_value()) {
      continue;
    }
    if (method != wanted.method) {
      allowed.insert(wanted.method);
      continue;
    }
    if (!wanted.scope.has_value() && !wanted.any_key) {
      return handle(i, {request, Principal(), *std::move(id), clock.Now()});
    }
    auto admitted = gate.Admit(request, wanted.scope);
    if (auto* refused = std::get_if<HttpResponse>(&admitted)) {
      return std::move(*refused);
    }
    if (wanted.id == IdForm::kWord && !id->empty() && !IsPlausibleId(*id)) {
      return ErrorResponse(404, "there is nothing of this id");
    }
    return handle(i,
                  {request, std::get<Principal>(std::move(admitted)), *std::move(id), clock.Now()});
  }
  return allowed.empty() ? std::nullopt : std::make_optional(WrongMethod(request, allowed));
}

bool IsPlausibleId(absl::string_view id) {
  return !id.empty() && id.size() <= kIdCharsMax && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-';
  });
}

}  // namespace rn
