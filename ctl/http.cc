#include "ctl/http.h"

#include <curl/curl.h>

#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using UniqueCurl = std::unique_ptr<CURL, CurlDeleter>;
using UniqueFile = std::unique_ptr<std::FILE, CurlDeleter>;

struct Body {
  std::string text;
  std::int64_t bytes_max = 0;
};

std::size_t Append(char* data, std::size_t, std::size_t size, void* user) {
  Body& body = *static_cast<Body*>(user);
  if (static_cast<std::int64_t>(body.text.size() + size) > body.bytes_max) {
    return 0;  // Ends the transfer with CURLE_WRITE_ERROR.
  }
  body.text.append(data, size);
  return size;
}

std::size_t KeepHeader(char* data, std::size_t, std::size_t size, void* user) {
  auto& headers = *static_cast<std::map<std::string, std::string>*>(user);
  const absl::string_view line(data, size);
  if (const std::size_t colon = line.find(':'); colon != absl::string_view::npos) {
    headers[absl::AsciiStrToLower(line.substr(0, colon))] =
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return size;
}

absl::StatusOr<UniqueCurl> Begin(const std::string& url, const HttpLimits& limits) {
  if (!absl::StartsWith(url, "http://") && !absl::StartsWith(url, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", url, "\" is not a URL that begins with http:// or https://"));
  }
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  UniqueCurl curl(curl_easy_init());
  if (initialised != CURLE_OK || curl == nullptr) {
    return absl::InternalError("libcurl does not start");
  }
  CURL* handle = curl.get();
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, static_cast<long>(limits.redirects_max));
  curl_easy_setopt(handle,
                   CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(limits.connect_timeout)));
  return curl;
}

absl::Status StatusOf(CURLcode code, const std::string& url) {
  const std::string message = absl::StrCat(url, ": ", curl_easy_strerror(code));
  switch (code) {
    case CURLE_OK:
      return absl::OkStatus();
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(message);
    case CURLE_WRITE_ERROR:
      return absl::ResourceExhaustedError(absl::StrCat(url, ": the answer is too long"));
    default:
      return absl::UnavailableError(message);
  }
}

}  // namespace

absl::StatusOr<HttpAnswer> Call(const HttpCall& call, const HttpLimits& limits) {
  ASSIGN_OR_RETURN(const UniqueCurl curl, Begin(call.url, limits));
  std::unique_ptr<curl_slist, CurlDeleter> headers;
  for (const std::string& header : call.headers) {
    headers.reset(curl_slist_append(headers.release(), header.c_str()));
  }
  HttpAnswer answer;
  Body body{.bytes_max = limits.body_bytes_max};
  CURL* handle = curl.get();
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  if (call.method != "GET") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(
        handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  }
  curl_easy_setopt(handle,
                   CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(limits.request_timeout)));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, KeepHeader);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &answer.headers);
  RETURN_IF_ERROR(StatusOf(curl_easy_perform(handle), call.url));
  long code = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
  answer.status = static_cast<int>(code);
  answer.body = std::move(body.text);
  return answer;
}

absl::Status Download(const std::string& url,
                      const std::filesystem::path& path,
                      const HttpLimits& limits) {
  ASSIGN_OR_RETURN(const UniqueCurl curl, Begin(url, limits));
  const std::string part = path.string() + ".part";
  UniqueFile file(std::fopen(part.c_str(), "wb"));
  if (file == nullptr) {
    return ErrnoStatus(errno, part);
  }
  CURL* handle = curl.get();
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, file.get());  // Written with fwrite().
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle,
                   CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(absl::ToInt64Seconds(limits.stall_timeout)));
  absl::Status status = StatusOf(curl_easy_perform(handle), url);
  long code = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
  if (status.ok() && code != 200) {
    const std::string message = absl::StrCat(url, ": the server answered with status ", code);
    status = code == 404 ? absl::NotFoundError(message) : absl::FailedPreconditionError(message);
  }
  if (std::fclose(file.release()) != 0 && status.ok()) {
    status = ErrnoStatus(errno, part);
  }
  std::error_code error;
  if (status.ok()) {
    std::filesystem::rename(part, path, error);
    return error ? ErrnoStatus(error.value(), path.string()) : absl::OkStatus();
  }
  std::filesystem::remove(part, error);
  return status;
}

}  // namespace rn
