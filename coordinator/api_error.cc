#include "coordinator/api_error.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace rn {
namespace {

using Json = nlohmann::ordered_json;

absl::string_view CodeOf(int http_status) {
  switch (http_status) {
    case 400:
      return "validation_error";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 408:
      return "request_timeout";
    case 409:
      return "conflict";
    case 413:
      return "payload_too_large";
    case 415:
      return "unsupported_media_type";
    case 429:
      return "rate_limited";
    case 431:
      return "headers_too_large";
    case 503:
      return "service_unavailable";
    case 504:
      return "gateway_timeout";
  }
  return "internal_error";
}

HttpResponse TryAgain(absl::string_view message) {
  HttpResponse response = ErrorResponse(503, message);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

HttpResponse Envelope(int http_status,
                      absl::string_view code,
                      absl::string_view message,
                      Json detail) {
  const Json body = {{"error_code", std::string(code)},
                     {"error_message", std::string(message)},
                     {"detail", std::move(detail)}};
  return JsonAnswer(http_status, body);
}

}  // namespace

std::string JsonText(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

HttpResponse JsonAnswer(int http_status, const Json& json) {
  return JsonResponse(http_status, JsonText(json));
}

HttpResponse JsonResponse(int http_status, std::string json) {
  HttpResponse response;
  response.status = http_status;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = std::move(json);
  return response;
}

HttpResponse ErrorResponse(int http_status, absl::string_view message) {
  return Envelope(http_status, CodeOf(http_status), message, nullptr);
}

HttpResponse ErrorResponse(int http_status, absl::string_view code, absl::string_view message) {
  return Envelope(http_status, code, message, nullptr);
}

HttpResponse ValidationResponse(const std::vector<FieldError>& errors) {
  Json detail = Json::array();
  for (const FieldError& error : errors) {
    detail.push_back({{"pointer", error.pointer}, {"message", error.message}});
  }
  const std::string message =
      errors.size() == 1 ? absl::StrCat(errors.front().pointer, ": ", errors.front().message)
                         : absl::StrCat(errors.size(), " mistakes in the request; see detail");
  return Envelope(400, CodeOf(400), message, std::move(detail));
}

HttpResponse TooManyResponse(absl::string_view what) {
  return TryAgain(absl::StrCat("too many ", what, "; try again"));
}

HttpResponse StatusResponse(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return ErrorResponse(400, status.message());
    case absl::StatusCode::kUnauthenticated:
      return ErrorResponse(401, status.message());
    case absl::StatusCode::kPermissionDenied:
      return ErrorResponse(403, status.message());
    case absl::StatusCode::kNotFound:
      return ErrorResponse(404, status.message());
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
      return ErrorResponse(409, status.message());
    case absl::StatusCode::kResourceExhausted:
      return ErrorResponse(429, status.message());
    case absl::StatusCode::kUnavailable:
      return TryAgain("temporarily unavailable; try again");
    case absl::StatusCode::kDeadlineExceeded:
      return ErrorResponse(504, "an upstream service did not answer in time; try again");
    default:
      return ErrorResponse(500, "internal error; quote the X-Correlation-Id header when reporting");
  }
}

}  // namespace rn
