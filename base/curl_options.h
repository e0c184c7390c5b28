// What every request of ours asks of libcurl, whatever it is for.
#pragma once

#include <curl/curl.h>

#include <algorithm>
#include <filesystem>
#include <stop_token>

#include "absl/time/time.h"
#include "base/curl_handles.h"

namespace rn {

struct CurlOptions {
  absl::Duration timeout = absl::InfiniteDuration();          // From the first look-up to the end.
  absl::Duration connect_timeout = absl::InfiniteDuration();  // libcurl's own is five minutes.
  std::filesystem::path ca_file;  // PEM, instead of the system's certificates; "" = those.
};

namespace curl_internal {

inline long Milliseconds(absl::Duration duration) {
  return std::max(1L, static_cast<long>(absl::ToInt64Milliseconds(duration)));
}

inline int StopRequested(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

}  // namespace curl_internal

// http and https alone, with certificates checked; no redirect is followed; no proxy, whatever the
// environment says; no signals. `error` is CURL_ERROR_SIZE zeros that outlive the transfer.
inline void SetCommonOptions(CURL* easy, const CurlOptions& options, char* error) {
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // A resolver that hangs must not hold us.
  curl_easy_setopt(easy, CURLOPT_USERAGENT, kUserAgent);
  if (options.timeout < absl::InfiniteDuration()) {
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, curl_internal::Milliseconds(options.timeout));
  }
  if (options.connect_timeout < absl::InfiniteDuration()) {
    curl_easy_setopt(
        easy, CURLOPT_CONNECTTIMEOUT_MS, curl_internal::Milliseconds(options.connect_timeout));
  }
  if (!options.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
}

// The transfer ends with CURLE_ABORTED_BY_CALLBACK once `stop`, which outlives it, is requested.
inline void StopWith(CURL* easy, const std::stop_token& stop) {
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &curl_internal::StopRequested);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, const_cast<std::stop_token*>(&stop));
}

}  // namespace rn
