// Downloads: artifacts from a local folder, shared assets by digest.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/file.h"
#include "coordinator/http.h"

namespace rn {

// An open file as the response to a GET or HEAD: 200, 206 for a satisfiable single range (`Range`,
// `If-Range`), 304 for a matching `If-None-Match`, 416 for a range beyond the end. Several ranges
// at once are answered with the whole file, as RFC 9110 allows.
struct ServedFile {
  UniqueFd fd;
  std::string etag;  // Without quotes.
  std::string content_type;
};
HttpResponse FileResponse(const HttpRequest& request, ServedFile file);

// By the file's extension; "application/octet-stream" when unknown.
std::string ContentTypeOf(absl::string_view file_name);

// `/artifacts/<bucket>/<job>/<item>/<fence>/<file>` and `/assets/<sha256>`. Needs no key: the ULIDs
// and digests in these paths cannot be guessed, and players and nodes cannot send one. Each segment
// is checked by itself and opened without following symbolic links, so no path leads elsewhere.
// Thread-safe.
class ServedFiles {
 public:
  // The file of that digest; nothing when there is none: Catalog::AssetPath.
  using AssetLookup = std::function<std::optional<std::filesystem::path>(const std::string&)>;

  ServedFiles(std::filesystem::path artifacts, AssetLookup assets)
      : artifacts_(std::move(artifacts)), assets_(std::move(assets)) {}

  // Nothing when the path is not one of these; else the file or an error in the API's envelope.
  std::optional<HttpResponse> Handle(const HttpRequest& request) const;

 private:
  HttpResponse Artifact(const HttpRequest& request, absl::string_view path) const;
  HttpResponse Asset(const HttpRequest& request, absl::string_view digest) const;

  const std::filesystem::path artifacts_;
  const AssetLookup assets_;
};

}  // namespace rn
