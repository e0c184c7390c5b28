#include "ctl/bulk_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr std::size_t kPageSize = 200;
constexpr absl::Duration kRetryWaitMax = absl::Seconds(30);

bool MayPass(const absl::StatusOr<HttpAnswer>& answer, bool repeat_unanswered) {
  return answer.ok() ? answer->status == 429 || answer->status == 503
                     : repeat_unanswered && absl::IsUnavailable(answer.status());
}

absl::Duration WaitOf(const absl::StatusOr<HttpAnswer>& answer, absl::Duration wait) {
  int seconds = 0;
  if (answer.ok()) {
    const auto header = answer->headers.find("retry-after");
    if (header != answer->headers.end() && absl::SimpleAtoi(header->second, &seconds)) {
      wait = absl::Seconds(seconds);
    }
  }
  return std::min(wait, kRetryWaitMax);
}

std::string TextOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? "" : found->get<std::string>();
}

// "validation_error: 2 mistakes:\n  /template/overrides/style: unknown style …"
std::string Explain(const HttpAnswer& answer) {
  const json body = json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) {
    return absl::StrCat("the server answered with status ", answer.status);
  }
  std::string text = absl::StrCat(TextOf(body, "error_code"), ": ", TextOf(body, "error_message"));
  if (const auto detail = body.find("detail"); detail != body.end() && detail->is_array()) {
    for (const json& mistake : *detail) {
      if (mistake.is_object()) {
        absl::StrAppend(
            &text, "\n  ", TextOf(mistake, "pointer"), ": ", TextOf(mistake, "message"));
      }
    }
  }
  return text;
}

absl::StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 400:
    case 413:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return absl::StatusCode::kFailedPrecondition;
    case 429:
    case 503:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::StatusOr<json> BulkClient::Ask(HttpCall call) const {
  call.url = absl::StrCat(options_.server, "/api/v1", call.url);
  call.headers.push_back(absl::StrCat("Authorization: Bearer ", options_.api_key));
  if (std::none_of(call.headers.begin(), call.headers.end(), [](const std::string& header) {
        return absl::StartsWithIgnoreCase(header, "Content-Type:");
      })) {
    call.headers.push_back("Content-Type: application/json");
  }
  absl::StatusOr<HttpAnswer> answer = Call(call, options_.http);
  absl::Duration wait = options_.retry_wait;
  for (int attempt = 1;
       MayPass(answer, options_.repeat_unanswered) && attempt < options_.attempts_max;
       ++attempt) {
    absl::SleepFor(WaitOf(answer, wait));
    wait *= 2;
    answer = Call(call, options_.http);
  }
  RETURN_IF_ERROR(answer.status());
  if (answer->status / 100 != 2) {
    return absl::Status(CodeOf(answer->status), Explain(*answer));
  }
  json body = json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) {
    return absl::InternalError(absl::StrCat(call.url, ": the answer is not a JSON object"));
  }
  return body;
}

absl::StatusOr<json> BulkClient::CreateJob(const json& body,
                                           const std::string& idempotency_key) const {
  return Ask({.method = "POST",
              .url = "/bulk-jobs",
              .headers = {absl::StrCat("Idempotency-Key: ", idempotency_key)},
              .body = body.dump(-1, ' ', false, json::error_handler_t::replace)});
}

absl::StatusOr<json> BulkClient::GetJob(const std::string& job_id) const {
  return Ask({.url = absl::StrCat("/bulk-jobs/", job_id)});
}

absl::StatusOr<json> BulkClient::CancelJob(const std::string& job_id) const {
  return Ask({.method = "POST", .url = absl::StrCat("/bulk-jobs/", job_id, "/cancel")});
}

absl::StatusOr<json> BulkClient::ListVideos(const std::string& job_id) const {
  return ListAll(absl::StrCat("/bulk-jobs/", job_id, "/videos"));
}

absl::StatusOr<json> BulkClient::ListAll(const std::string& url, std::size_t count_max) const {
  json all = json::array();
  std::string token;
  do {
    const std::size_t size =
        count_max == 0 ? kPageSize : std::min<std::size_t>(kPageSize, count_max - all.size());
    const std::string page = absl::StrCat(absl::StrContains(url, '?') ? "&" : "?",
                                          "page_size=",
                                          size,
                                          token.empty() ? "" : "&page_token=",
                                          token);
    ASSIGN_OR_RETURN(const json answer, Ask({.url = absl::StrCat(url, page)}));
    const auto data = answer.find("data");
    if (data == answer.end() || !data->is_array()) {
      return absl::InternalError(absl::StrCat(url, ": the list has no \"data\""));
    }
    all.insert(all.end(), data->begin(), data->end());
    token = TextOf(answer, "next_page_token");
  } while (!token.empty() && (count_max == 0 || all.size() < count_max));
  return all;
}

}  // namespace rn
