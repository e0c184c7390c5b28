// What strangers send to the coordinator's port, in pieces of any size: requests, or anything else.
// Answered as the real handlers would, by paths, headers and queries; nobody gets a file but the
// one that is there to be had.
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "coordinator/api_error.h"
#include "coordinator/job_json.h"
#include "coordinator/json_fields.h"
#include "coordinator/query.h"
#include "coordinator/served_files.h"
#include "coordinator/web_socket_offer.h"
#include "tests/fuzz/http_exchange.h"

namespace rn {
namespace {

// Small, so that they are reached.
constexpr std::int64_t kHeaderBytesMax = 1 << 10;
constexpr std::int64_t kBodyBytesMax = 256;
constexpr std::int64_t kLargeBodyBytesMax = 512;  // Of a PUT.

// The one artifact, and the one asset.
class Files {
 public:
  Files() {
    const auto public_file = folder_.path() / "served" / "b" / "j" / "i" / "1" / "v.mp4";
    CHECK(CreateDirectories(public_file.parent_path()).ok());
    CHECK(WriteFileDurably(public_file, "0123456789").ok());
    CHECK(WriteFileDurably(folder_.path() / "secret.txt", "secret").ok());
    struct stat found {};
    CHECK(stat(public_file.c_str(), &found) == 0);
    inode_ = found.st_ino;
  }

  std::optional<HttpResponse> Handle(const HttpRequest& request) const {
    std::optional<HttpResponse> response = served_.Handle(request);
    if (response.has_value() && response->file.has_value()) {
      struct stat given {};
      CHECK(fstat(response->file->fd.get(), &given) == 0);
      CHECK(given.st_ino == inode_);
      CHECK(response->file->offset >= 0 && response->file->length >= 0);
      CHECK(response->file->offset + response->file->length <= given.st_size);
    }
    return response;
  }

 private:
  const TempDir folder_ = *TempDir::Create("http_fuzz-");
  const ServedFiles served_{folder_.path() / "served", [](const std::string& sha256) {
                              CHECK(sha256.size() == 64);
                              return std::nullopt;
                            }};
  ino_t inode_ = 0;
};

bool IsText(absl::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return (absl::ascii_iscntrl(c) && c != '\t') || c == '\x7f';
  });
}

void CheckRequest(const HttpRequest& request) {
  CHECK(!request.method.empty() && IsText(request.method));
  CHECK(absl::StartsWith(request.path, "/"));
  CHECK(request.path.find('\0') == std::string::npos);
  CHECK(static_cast<std::int64_t>(request.body.size()) <=
        (request.method == "PUT" ? kLargeBodyBytesMax : kBodyBytesMax));
  std::int64_t header_bytes = 0;
  for (const auto& [name, value] : request.headers) {
    CHECK(!name.empty() && name == absl::AsciiStrToLower(name));
    CHECK(IsText(name) && IsText(value));
    header_bytes += static_cast<std::int64_t>(name.size() + value.size());
  }
  CHECK(header_bytes <= 2 * kHeaderBytesMax);  // Trailers are counted by themselves.
  // It comes back in a header and goes into logs.
  CHECK(!request.correlation_id.empty() && request.correlation_id.size() <= 128);
  CHECK(std::all_of(request.correlation_id.begin(), request.correlation_id.end(), [](char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("-_.:", absl::string_view(&c, 1));
  }));
}

// A list's query, as handlers read it.
HttpResponse List(const HttpRequest& request) {
  std::vector<FieldError> errors;
  QueryReader query(request, errors);
  const std::string state = query.Name("state", JobStateNames());
  const int page_size = query.PageSize();
  const std::string start = query.PageStart("jobs");
  query.Finish();
  CHECK(errors.size() <= kFieldErrorsMax);
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  CHECK(state.empty() || JobStateFromName(state).has_value());
  CHECK(page_size >= 1 && page_size <= kPageSizeMax);
  if (!start.empty()) {  // What a token says is what it was made of.
    HttpRequest next;
    next.query = {{"page_token", PageToken("jobs", start)}};
    QueryReader again(next, errors);
    CHECK(again.PageStart("jobs") == start && errors.empty());
  }
  return JsonResponse(200, "{}");
}

HttpResponse Handle(const Files& files, const HttpRequest& request) {
  CheckRequest(request);
  if (std::optional<HttpResponse> file = files.Handle(request)) {
    return *std::move(file);
  }
  const WebSocketOffer offer = ReadOffer(request.Header("sec-websocket-protocol").value_or(""));
  if (request.wants_web_socket) {
    HttpResponse response;
    response.status = 101;
    response.upgrade =
        WebSocketUpgrade{.subprotocol = offer.subprotocol,
                         .on_open = [](std::weak_ptr<WebSocket>) { return WebSocketEvents(); }};
    return response;
  }
  HttpResponse response = List(request);
  CHECK(nlohmann::json::accept(response.body));
  return response;
}

}  // namespace
}  // namespace rn

// The first byte says in which pieces the others come.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto& files = *new rn::Files;
  static const auto& options = *new rn::HttpServerOptions{
      .header_bytes_max = rn::kHeaderBytesMax,
      .body_bytes_max = rn::kBodyBytesMax,
      .takes_large_body = [](absl::string_view method,
                             absl::string_view) { return method == "PUT"; },
      .large_body_bytes_max = rn::kLargeBodyBytesMax};
  if (size == 0) return 0;
  int requests = 0;
  rn::HttpExchange exchange(options, [&requests](const rn::HttpRequest& request) {
    ++requests;
    return rn::Handle(files, request);
  });
  exchange.SendInPieces({reinterpret_cast<const char*>(data + 1), size - 1}, data[0]);
  const std::string& answers = exchange.received();
  CHECK(answers.empty() || absl::StartsWith(answers, "HTTP/1.1 "));
  CHECK(requests == 0 || !answers.empty());
  CHECK(exchange.Close());
  return 0;
}
