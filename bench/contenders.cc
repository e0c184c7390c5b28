#include "bench/contenders.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace rn {

absl::StatusOr<std::vector<std::unique_ptr<Contender>>> MakeContenders(
    const std::vector<std::string>& names) {
  using Maker = std::unique_ptr<Contender> (*)();
  static constexpr std::pair<const char*, Maker> kMakers[] = {
      {"ffmpeg", MakeFfmpegContender},
      {"ffmpeg-tuned", MakeTunedFfmpegContender},
      {"melt", MakeMeltContender}};
  std::vector<std::unique_ptr<Contender>> contenders;
  for (const std::string& name : names) {
    const auto* const maker = std::find_if(std::begin(kMakers),
                                           std::end(kMakers),
                                           [&](const auto& entry) { return entry.first == name; });
    if (maker == std::end(kMakers)) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown contender \"",
                       name,
                       "\"; valid: ",
                       absl::StrJoin(kMakers, ", ", [](std::string* out, const auto& entry) {
                         absl::StrAppend(out, entry.first);
                       })));
    }
    contenders.push_back(maker->second());
  }
  return contenders;
}

}  // namespace rn
