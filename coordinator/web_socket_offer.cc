#include "coordinator/web_socket_offer.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rn {
namespace {

constexpr absl::string_view kBearer = "Bearer ";
constexpr absl::string_view kBearerToken = "bearer.";  // A subprotocol's name holds no space.

}  // namespace

WebSocketOffer ReadOffer(absl::string_view header) {
  WebSocketOffer offer;
  for (absl::string_view word : absl::StrSplit(header, ',')) {
    word = absl::StripAsciiWhitespace(word);
    if (word == kJobEventsProtocol) {
      offer.subprotocol = std::string(word);
    } else if (absl::StartsWithIgnoreCase(word, kBearer)) {
      offer.authorization = std::string(word);
    } else if (absl::StartsWith(word, kBearerToken)) {
      offer.authorization = absl::StrCat(kBearer, word.substr(kBearerToken.size()));
    }
  }
  return offer;
}

}  // namespace rn
