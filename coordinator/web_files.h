// The dashboard: the files of web/, inside the program.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "coordinator/http.h"

namespace rn {

struct WebFile {
  absl::string_view name;    // "app.js"
  absl::string_view sha256;  // Lower-case hex.
  absl::string_view content;
};

// Made by the build.
extern const absl::Span<const WebFile> kWebFiles;

// "/" is index.html, the others are under /ui/. Nothing in them is secret: they need no key, and
// the page asks for one. They may load and run nothing but each other; videos, posters and captions
// also from the origins given. Immutable, hence thread-safe.
class WebFiles {
 public:
  // Of each URL in `media` the origin counts; "https://*.host" stands for every host below.
  explicit WebFiles(const std::vector<std::string>& media);

  // Nothing when the path is none of these; else the file, 304 for a matching `If-None-Match`, or
  // 405.
  std::optional<HttpResponse> Handle(const HttpRequest& request) const;

 private:
  const std::string policy_;  // Content-Security-Policy.
};

}  // namespace rn
