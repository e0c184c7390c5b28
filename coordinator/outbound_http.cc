#include "coordinator/outbound_http.h"

#include <sys/socket.h>

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/curl_handles.h"
#include "base/curl_options.h"
#include "base/status.h"

namespace rn {
namespace {

// What libcurl's callbacks need.
struct Exchange {
  const OutboundOptions& options;
  OutboundAnswer answer;
  absl::Status refused;  // The last address that was not connected to.

  static curl_socket_t OnOpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
    auto* exchange = static_cast<Exchange*>(self);
    if (exchange->options.policy.has_value()) {
      exchange->refused = exchange->options.policy->Check(&address->addr, address->addrlen);
    }
    return exchange->refused.ok()
               ? socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol)
               : CURL_SOCKET_BAD;
  }
  static std::size_t OnHeader(char* data, std::size_t, std::size_t size, void* self) {
    const absl::string_view line(data, size);
    auto& headers = static_cast<Exchange*>(self)->answer.headers;
    const std::size_t colon = line.find(':');
    if (absl::StartsWith(line, "HTTP/")) {
      headers.clear();  // What came before was an interim answer.
    } else if (colon != absl::string_view::npos) {
      headers[absl::AsciiStrToLower(line.substr(0, colon))] =
          std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
    return size;
  }
  static std::size_t OnBody(char* data, std::size_t, std::size_t size, void* self) {
    auto* exchange = static_cast<Exchange*>(self);
    std::string& body = exchange->answer.body;
    if (body.size() + size > static_cast<std::size_t>(exchange->options.answer_bytes_max)) {
      exchange->answer.cut = true;
      return 0;
    }
    body.append(data, size);
    return size;
  }
};

absl::Status StatusOf(CURLcode code, const std::string& detail, const Exchange& exchange) {
  switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
      return absl::CancelledError("stopped");
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(detail);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return absl::InvalidArgumentError(absl::StrCat("no http or https URL: ", detail));
    default:
      return exchange.refused.ok() ? absl::UnavailableError(detail) : exchange.refused;
  }
}

}  // namespace

absl::StatusOr<OutboundAnswer> CallOut(const OutboundRequest& request,
                                       const OutboundOptions& options,
                                       const std::stop_token& stop) {
  if (const CURLcode initialised = InitialiseCurl(); initialised != CURLE_OK) {
    return absl::InternalError(absl::StrCat("libcurl: ", curl_easy_strerror(initialised)));
  }
  Exchange exchange{.options = options};
  std::array<char, CURL_ERROR_SIZE> error{};
  List lines;
  for (const std::string& header : request.headers) {
    Append(lines, header);
  }
  Append(lines, "Expect:");  // No extra round trip before a small body.
  const Easy handle(curl_easy_init());
  CURL* easy = handle.get();
  CHECK(easy != nullptr);
  SetCommonOptions(easy, {.timeout = options.timeout, .ca_file = options.ca_file}, error.data());
  StopWith(easy, stop);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines.get());
  if (request.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(
        easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  } else {
    CHECK(request.method == "GET");
  }
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Exchange::OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Exchange::OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Exchange::OnOpenSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
  const CURLcode code = curl_easy_perform(easy);
  if (code != CURLE_OK && !exchange.answer.cut) {
    return StatusOf(code, error[0] != '\0' ? error.data() : curl_easy_strerror(code), exchange);
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  exchange.answer.status = static_cast<int>(status);
  return std::move(exchange.answer);
}

}  // namespace rn
