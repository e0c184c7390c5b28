#include "coordinator/postgres_options.h"

#include <libpq-fe.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rn {

absl::Status CheckPostgresUrl(absl::string_view url) {
  if (!absl::StartsWith(url, "postgresql://") && !absl::StartsWith(url, "postgres://")) {
    return absl::InvalidArgumentError("is not a URL as \"postgresql://user@host:5432/database\"");
  }
  char* error = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(std::string(url).c_str(), &error);
  if (parsed == nullptr) {
    const std::string message = error == nullptr ? "cannot be read" : error;
    PQfreemem(error);
    return absl::InvalidArgumentError(message);
  }
  PQconninfoFree(parsed);
  return absl::OkStatus();
}

std::string WithoutPassword(const std::string& url) {
  const std::size_t host = url.find("://");
  const std::size_t at = url.rfind('@', url.find_first_of("/?", host + 3));
  if (host == std::string::npos || at == std::string::npos || at < host) {
    return url.substr(0, url.find('?'));
  }
  const std::string user = url.substr(host + 3, at - host - 3);
  const std::string rest = url.substr(at, url.find('?', at) - at);
  return absl::StrCat(url.substr(0, host + 3), user.substr(0, user.find(':')), rest);
}

std::string PostgresConninfo(const PostgresOptions& options) {
  return absl::StrCat(options.url,
                      absl::StrContains(options.url, '?') ? "&" : "?",
                      "fallback_application_name=rendernode-coordinator&connect_timeout=",
                      std::max<std::int64_t>(2, absl::ToInt64Seconds(options.connect_timeout)),
                      "&keepalives_idle=10&keepalives_interval=5&keepalives_count=3");
}

}  // namespace rn
