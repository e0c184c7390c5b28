#include "bench/contenders.h"

#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace rn {

absl::StatusOr<std::vector<std::unique_ptr<Contender>>> MakeContenders(
    const std::vector<std::string>& names, const std::filesystem::path& projects) {
  using Maker = std::function<std::unique_ptr<Contender>()>;
  const std::map<std::string, Maker> makers = {
      {"ffmpeg", MakeFfmpegContender},
      {"ffmpeg-tuned", MakeTunedFfmpegContender},
      {"melt", MakeMeltContender},
      {"remotion", [&] { return MakeRemotionContender(projects / "remotion"); }},
      {"editly", [&] { return MakeEditlyContender(projects / "editly"); }}};
  std::vector<std::unique_ptr<Contender>> contenders;
  for (const std::string& name : names) {
    const auto maker = makers.find(name);
    if (maker == makers.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown contender \"",
                       name,
                       "\"; valid: ",
                       absl::StrJoin(makers, ", ", [](std::string* out, const auto& entry) {
                         absl::StrAppend(out, entry.first);
                       })));
    }
    contenders.push_back(maker->second());
  }
  return contenders;
}

}  // namespace rn
