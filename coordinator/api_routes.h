// What the APIs share: which of their operations a request is for, who may ask for it, what is said
// to everybody else.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "coordinator/api_gate.h"
#include "coordinator/http.h"
#include "coordinator/tenant_store.h"

namespace rn {

// What stands for "{id}".
enum class IdForm {
  kWord,  // Letters, digits, '_' and '-'. Whatever else is asked for, nobody has: 404.
  kName,  // Anything, slashes too.
};

// What may be asked, as api/openapi.json says it.
struct ApiOperation {
  std::string method;          // "GET", which HEAD is, too
  std::string path;            // "/api/v1/bulk-jobs/{id}/cancel"
  std::optional<Scope> scope;  // That a key needs; nothing: no key is needed, or:
  bool any_key = false;        // A key is, and any will do.
  IdForm id = IdForm::kWord;
};

// A request that was let in.
struct ApiCall {
  const HttpRequest& request;
  const Principal who;   // Nobody, where no key is needed.
  const std::string id;  // Never empty, where the path has one.
  const absl::Time now;

  AuditEntry Audit(const char* what, std::string target, std::string detail_json = "{}") const;
};

template <typename Api>
struct ApiRoute {
  ApiOperation operation;
  HttpResponse (Api::*handle)(const ApiCall&);
};

template <typename Api, std::size_t kCount>
std::vector<ApiOperation> OperationsOf(const ApiRoute<Api> (&routes)[kCount]) {
  std::vector<ApiOperation> operations;
  for (const ApiRoute<Api>& route : routes) {
    operations.push_back(route.operation);
  }
  return operations;
}

// Asks `handle` for the operation that the request is for, by its place in `operation`. Otherwise
// what the gate says (ApiGate::Admit), 404 for an id that nobody has, 405 with the methods that the
// path takes. Nothing: the path is none of theirs.
std::optional<HttpResponse> AnswerCall(
    const HttpRequest& request,
    ApiGate& gate,
    Clock& clock,
    std::size_t operations,
    absl::FunctionRef<const ApiOperation&(std::size_t)> operation,
    absl::FunctionRef<HttpResponse(std::size_t, const ApiCall&)> handle);

template <typename Api, std::size_t kCount>
std::optional<HttpResponse> AnswerCall(const HttpRequest& request,
                                       ApiGate& gate,
                                       Clock& clock,
                                       const ApiRoute<Api> (&routes)[kCount],
                                       Api& api) {
  return AnswerCall(
      request,
      gate,
      clock,
      kCount,
      [&](std::size_t i) -> const ApiOperation& { return routes[i].operation; },
      [&](std::size_t i, const ApiCall& call) { return (api.*routes[i].handle)(call); });
}

// 1 to 128 letters, digits, '_' and '-'.
bool IsPlausibleId(absl::string_view id);

}  // namespace rn
