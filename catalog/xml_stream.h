// An XML document as it comes: elements and text, no tree. What has a DTD is refused, so that no
// entity expands.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rn {

// Those of one element; names without prefixes.
class XmlAttributes {
 public:
  explicit XmlAttributes(const char** pairs) : pairs_(pairs) {}

  std::optional<absl::string_view> Get(absl::string_view name) const;

 private:
  const char** pairs_;  // As Expat has them: name, value, …, null.
};

// Told of a document in its order; names without prefixes. An error ends it.
class XmlHandler {
 public:
  virtual ~XmlHandler() = default;
  virtual absl::Status OnStart(absl::string_view name, const XmlAttributes& attributes) = 0;
  virtual absl::Status OnText(absl::string_view text) = 0;  // Perhaps in pieces.
  virtual absl::Status OnEnd(absl::string_view name) = 0;
};

class XmlStream {
 public:
  // `handler` outlives the stream.
  explicit XmlStream(XmlHandler& handler);
  ~XmlStream();

  // InvalidArgument: not well-formed, with the line; nested too deep; a DTD. Else the handler's.
  absl::Status Feed(absl::string_view bytes);
  absl::Status Finish();  // The document is whole.

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
