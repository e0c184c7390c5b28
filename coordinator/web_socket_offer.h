// The header Sec-WebSocket-Protocol, in which clients that cannot set `Authorization` say who they
// are: browsers, and the two clients that send it in both.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace rn {

struct WebSocketOffer {
  std::string authorization;  // As that header would be, "Bearer KEY"; "" = the offer holds no key.
  std::string subprotocol;    // What to answer with; never a key. "" = nothing.
};

// What the events of a job are called as a subprotocol.
inline constexpr char kJobEventsProtocol[] = "bulk-jobs.v1";

// `header` is "Bearer KEY" (no list of subprotocols, and not to be answered as one), or a list as
// browsers make it: "bulk-jobs.v1, bearer.KEY", which is answered with "bulk-jobs.v1".
WebSocketOffer ReadOffer(absl::string_view header);

}  // namespace rn
