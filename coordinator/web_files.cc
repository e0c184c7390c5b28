#include "coordinator/web_files.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "coordinator/api_error.h"
#include "coordinator/etag.h"

namespace rn {
namespace {

constexpr absl::string_view kIndex = "index.html";
constexpr absl::string_view kFolder = "/ui/";

// Scheme and host; "" when it is no http URL, or could say more in a header than an origin.
std::string OriginOf(const std::string& url) {
  const std::size_t host = url.find("://");
  if (host == std::string::npos ||
      !(absl::StartsWith(url, "http://") || absl::StartsWith(url, "https://"))) {
    return "";
  }
  std::string origin = url.substr(0, url.find('/', host + 3));
  return origin.find_first_of(" ;,'\"\r\n\t") == std::string::npos ? origin : "";
}

std::string PolicyFor(const std::vector<std::string>& media) {
  std::set<std::string> origins;
  for (const std::string& url : media) {
    if (std::string origin = OriginOf(url); !origin.empty()) {
      origins.insert(std::move(origin));
    }
  }
  const std::string others = origins.empty() ? "" : absl::StrCat(" ", absl::StrJoin(origins, " "));
  return absl::StrCat(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
      others,
      "; img-src 'self'",
      others,
      "; media-src 'self' blob:",  // Captions are read, made WebVTT and given to the player.
      others,
      "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
      "require-trusted-types-for 'script'");
}

absl::string_view TypeOf(absl::string_view name) {
  const absl::string_view extension = name.substr(name.rfind('.') + 1);
  if (extension == "html") {
    return "text/html; charset=utf-8";
  }
  if (extension == "css") {
    return "text/css; charset=utf-8";
  }
  return extension == "svg" ? "image/svg+xml" : "text/javascript; charset=utf-8";
}

}  // namespace

WebFiles::WebFiles(const std::vector<std::string>& media) : policy_(PolicyFor(media)) {}

std::optional<HttpResponse> WebFiles::Handle(const HttpRequest& request) const {
  absl::string_view name = request.path;
  if (name == "/") {
    name = kIndex;
  } else if (!absl::ConsumePrefix(&name, kFolder)) {
    return std::nullopt;
  }
  const auto file = std::find_if(kWebFiles.begin(), kWebFiles.end(), [&](const WebFile& candidate) {
    return candidate.name == name;
  });
  if (file == kWebFiles.end()) {
    return ErrorResponse(404, "there is no such file");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse refused = ErrorResponse(405, "files can be read with GET and HEAD only");
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
  }
  const std::string etag = absl::StrCat("\"", file->sha256, "\"");
  HttpResponse response;
  // Asked for anew each time, and rarely sent: a new coordinator has a new page at once.
  response.headers = {{"ETag", etag},
                      {"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", policy_},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"}};
  if (const auto known = request.Header("if-none-match"); known && MatchesEtag(*known, etag)) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("Content-Type", std::string(TypeOf(file->name)));
  response.body = std::string(file->content);
  return response;
}

}  // namespace rn
