#include "coordinator/etag.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rn {

bool MatchesEtag(absl::string_view header, absl::string_view quoted_etag) {
  for (absl::string_view candidate : absl::StrSplit(header, ',')) {
    candidate = absl::StripAsciiWhitespace(candidate);
    absl::ConsumePrefix(&candidate, "W/");
    if (candidate == "*" || candidate == quoted_etag) {
      return true;
    }
  }
  return false;
}

}  // namespace rn
