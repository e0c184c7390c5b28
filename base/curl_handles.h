// What libcurl hands out, owned; for those who speak HTTP with it.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace rn {

inline constexpr char kUserAgent[] = "rendernode";

struct CloseEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, CloseEasy>;
using List = std::unique_ptr<curl_slist, FreeList>;

inline void Append(List& list, const std::string& text) {
  curl_slist* longer = curl_slist_append(list.get(), text.c_str());
  CHECK(longer != nullptr);
  (void)list.release();  // The longer list has it.
  list.reset(longer);
}

// Once a process, before anything else of libcurl's. Thread-safe.
inline CURLcode InitialiseCurl() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_ALL);
  return initialised;
}

}  // namespace rn
