#pragma once

#include "absl/strings/string_view.h"

namespace rn {

// Whether If-None-Match, `header`, names the version that `quoted_etag` does: "*", or
// one of a list; weak ones count.
bool MatchesEtag(absl::string_view header, absl::string_view quoted_etag);

}  // namespace rn
