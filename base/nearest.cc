#include "base/nearest.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rn {
namespace {

// Optimal string alignment distance.
std::size_t Edits(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  std::iota(cost[0].begin(), cost[0].end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

// A message is not as long as what somebody put in a name's place.
std::string Beginning(absl::string_view name) {
  constexpr std::size_t kShownMax = 100;
  if (name.size() <= kShownMax) return std::string(name);
  std::size_t end = kShownMax;
  while (end > 0 && (name[end] & 0xC0) == 0x80) --end;  // no half characters
  return absl::StrCat(name.substr(0, end), "…");
}

}  // namespace

std::optional<std::string> Nearest(absl::string_view name,
                                   const std::vector<std::string>& candidates) {
  constexpr std::size_t kNameMax = 64;  // Longer names are not typing mistakes.
  if (name.size() > kNameMax) {
    return std::nullopt;
  }
  std::optional<std::string> best;
  std::size_t best_edits = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t edits = Edits(name, candidate);
    if (edits < best_edits) {
      best_edits = edits;
      best = candidate;
    }
  }
  return best;
}

std::string UnknownName(absl::string_view kind,
                        absl::string_view name,
                        const std::vector<std::string>& valid) {
  std::string message = absl::StrCat("unknown ", kind, " \"", Beginning(name), "\"");
  if (const auto nearest = Nearest(name, valid)) {
    absl::StrAppend(&message, "; did you mean \"", *nearest, "\"?");
  } else {
    absl::StrAppend(&message, ".");
  }
  return absl::StrCat(message, " Valid: ", absl::StrJoin(valid, ", "));
}

}  // namespace rn
