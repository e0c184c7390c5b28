// Which pixels differ between two frames, told from what is drawn on them.
#pragma once

#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "pipeline/geometry.h"
#include "pipeline/scene.h"

namespace rn {

// Beyond it one rectangle around all of them is cheaper to keep in hand.
inline constexpr std::size_t kDamageRectsMax = 16;

// `revealed_by`: where a draw's reveal lets everything through (even; empty: perhaps nowhere), so
// that a wipe damages what it passes over alone. Disjoint rectangles inside `whole` (even), made of
// `bounds_of` the draws that are not the same in both. Groups that fade or move differently damage
// all that they show, groups that are only cut differently what one shows and the other does not;
// other groups, or more of them, everything.
absl::StatusOr<std::vector<IntRect>> DamageBetween(
    const DrawList& a,
    const DrawList& b,
    const IntRect& whole,
    absl::FunctionRef<absl::StatusOr<IntRect>(const Draw&)> bounds_of,
    absl::FunctionRef<IntRect(const Draw&)> revealed_by);

}  // namespace rn
