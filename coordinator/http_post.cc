#include "coordinator/http_post.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "base/curl_handles.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kAnswerBytesMax = 64 << 10;  // Nobody reads it; a flood ends the request.

// What libcurl's callbacks need.
struct Exchange {
  const AddressPolicy& policy;
  const std::stop_token& stop;
  absl::Status refused;  // The last address that was not connected to.
  std::size_t answer_bytes = 0;

  static curl_socket_t OnOpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
    auto* exchange = static_cast<Exchange*>(self);
    exchange->refused = exchange->policy.Check(&address->addr, address->addrlen);
    return exchange->refused.ok()
               ? socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol)
               : CURL_SOCKET_BAD;
  }
  static std::size_t OnBody(char*, std::size_t, std::size_t size, void* self) {
    auto* exchange = static_cast<Exchange*>(self);
    exchange->answer_bytes += size;
    return exchange->answer_bytes <= kAnswerBytesMax ? size : 0;
  }
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Exchange*>(self)->stop.stop_requested() ? 1 : 0;
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

absl::StatusOr<int> HttpPost(const std::string& url,
                             const std::vector<std::string>& headers,
                             absl::string_view body,
                             const HttpPostOptions& options,
                             const std::stop_token& stop) {
  if (const CURLcode initialised = InitialiseCurl(); initialised != CURLE_OK) {
    return absl::InternalError(absl::StrCat("libcurl: ", curl_easy_strerror(initialised)));
  }
  Exchange exchange{options.policy, stop};
  std::array<char, CURL_ERROR_SIZE> error{};
  List lines;
  for (const std::string& header : headers) {
    Append(lines, header);
  }
  Append(lines, "Expect:");  // No extra round trip before a small body.
  const Easy handle(curl_easy_init());
  CURL* easy = handle.get();
  CHECK(easy != nullptr);
  const auto timeout = static_cast<long>(absl::ToInt64Milliseconds(options.timeout));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // None, whatever the environment says.
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // A resolver that hangs must not hold us.
  curl_easy_setopt(easy, CURLOPT_USERAGENT, kUserAgent);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, std::max(1L, timeout));
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Exchange::OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Exchange::OnOpenSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &Exchange::OnProgress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
  if (!options.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  const CURLcode code = curl_easy_perform(easy);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  const bool flooded = code == CURLE_WRITE_ERROR && status != 0;  // It has said what it thinks.
  if (code != CURLE_OK && !flooded) {
    return StatusOf(code, error[0] != '\0' ? error.data() : curl_easy_strerror(code), exchange);
  }
  return static_cast<int>(status);
}

}  // namespace rn
