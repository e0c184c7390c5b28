#include "catalog/xml_stream.h"

#include <expat.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr int kDepthMax = 100;

absl::string_view WithoutPrefix(absl::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == absl::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace

std::optional<absl::string_view> XmlAttributes::Get(absl::string_view name) const {
  for (const char** pair = pairs_; *pair != nullptr; pair += 2) {
    if (WithoutPrefix(pair[0]) == name) {
      return pair[1];
    }
  }
  return std::nullopt;
}

struct XmlStream::Impl {
  explicit Impl(XmlHandler& told) : handler(told), parser(XML_ParserCreate(nullptr)) {
    CHECK(parser != nullptr);
    XML_SetUserData(parser, this);
    XML_SetElementHandler(parser, &OnStart, &OnEnd);
    XML_SetCharacterDataHandler(parser, &OnText);
    XML_SetStartDoctypeDeclHandler(parser, &OnDoctype);
  }
  Impl(const Impl&) = delete;
  ~Impl() { XML_ParserFree(parser); }

  void Check(absl::Status said) {
    if (!said.ok() && failure.ok()) {
      failure = std::move(said);
      XML_StopParser(parser, XML_FALSE);
    }
  }
  absl::Status Parse(absl::string_view bytes, bool last) {
    if (failure.ok() &&
        XML_Parse(parser, bytes.data(), static_cast<int>(bytes.size()), last) != XML_STATUS_OK &&
        failure.ok()) {
      failure = absl::InvalidArgumentError(absl::StrCat("line ",
                                                        XML_GetCurrentLineNumber(parser),
                                                        ": ",
                                                        XML_ErrorString(XML_GetErrorCode(parser))));
    }
    return failure;
  }

  // Expat may call on after it was stopped.
  static void OnStart(void* self, const char* name, const char** attributes) {
    auto* stream = static_cast<Impl*>(self);
    if (!stream->failure.ok()) {
      return;
    }
    if (++stream->depth > kDepthMax) {
      return stream->Check(absl::InvalidArgumentError("elements are nested too deep"));
    }
    stream->Check(stream->handler.OnStart(WithoutPrefix(name), XmlAttributes(attributes)));
  }
  static void OnEnd(void* self, const char* name) {
    auto* stream = static_cast<Impl*>(self);
    if (stream->failure.ok()) {
      --stream->depth;
      stream->Check(stream->handler.OnEnd(WithoutPrefix(name)));
    }
  }
  static void OnText(void* self, const char* text, int size) {
    auto* stream = static_cast<Impl*>(self);
    if (stream->failure.ok()) {
      stream->Check(stream->handler.OnText({text, static_cast<std::size_t>(size)}));
    }
  }
  static void OnDoctype(void* self, const char*, const char*, const char*, int) {
    static_cast<Impl*>(self)->Check(absl::InvalidArgumentError("a DTD is not taken"));
  }

  XmlHandler& handler;  // Outlives us.
  const XML_Parser parser;
  absl::Status failure;
  int depth = 0;
};

XmlStream::XmlStream(XmlHandler& handler) : impl_(std::make_unique<Impl>(handler)) {}

XmlStream::~XmlStream() = default;

absl::Status XmlStream::Feed(absl::string_view bytes) {
  return impl_->Parse(bytes, /*last=*/false);
}

absl::Status XmlStream::Finish() {
  return impl_->Parse("", /*last=*/true);
}

}  // namespace rn
