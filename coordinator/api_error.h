// How the APIs answer: in JSON, and errors in an envelope {"error_code", "error_message",
// "detail"}.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "coordinator/http.h"

namespace rn {

// One mistake in a request body; `pointer` is an RFC 6901 JSON pointer ("/template/template_id"),
// or "?name" for a query parameter.
struct FieldError {
  std::string pointer;
  std::string message;
};

// On one line; what is not UTF-8 is replaced, as texts quote what a client sent.
std::string JsonText(const nlohmann::ordered_json& json);

HttpResponse JsonResponse(int http_status, std::string json);
HttpResponse JsonAnswer(int http_status, const nlohmann::ordered_json& json);

// `error_code` follows from the status: 400 validation_error, 401 unauthorized, 403 forbidden, 404
// not_found, 405 method_not_allowed, 408 request_timeout, 409 conflict, 413 payload_too_large, 415
// unsupported_media_type, 429 rate_limited, 431 headers_too_large, 503 service_unavailable, 504
// gateway_timeout, else internal_error. `detail` is null.
HttpResponse ErrorResponse(int http_status, absl::string_view message);

// The same with another code ("idempotency_conflict").
HttpResponse ErrorResponse(int http_status, absl::string_view code, absl::string_view message);

// 400 with every mistake in `detail` as [{"pointer", "message"}].
HttpResponse ValidationResponse(const std::vector<FieldError>& errors);

// 503 with Retry-After: 1: "too many <what>; try again".
HttpResponse TooManyResponse(absl::string_view what);

// What a failed operation means to a client. The message of an internal error is not shown: it may
// name paths and SQL.
HttpResponse StatusResponse(const absl::Status& status);

}  // namespace rn
