#include "bench/measure.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/child.h"

namespace rn {

using Json = nlohmann::json;
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunCost, cpu_s, wall_s, peak_rss_mib, video_bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Quality, item_ssim, plain_ssim, item_bytes, plain_bytes)

namespace {

absl::StatusOr<Json> RunPart(const PartRequest& request) {
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "bench_part";
  const std::filesystem::path out = request.folder / "part.json";
  RETURN_IF_ERROR(RunChild({.argv = {program,
                                     absl::StrCat("--part=", request.part),
                                     absl::StrCat("--scenario=", request.scenario),
                                     absl::StrCat("--seconds=", request.size.seconds),
                                     absl::StrCat("--rounds=", request.size.rounds),
                                     absl::StrCat("--height=", request.size.height),
                                     absl::StrCat("--items=", request.items),
                                     absl::StrCat("--shares=", request.shares),
                                     absl::StrCat("--folder=", request.folder.string()),
                                     absl::StrCat("--out=", out.string())}})
                      .status());
  constexpr std::int64_t kBytesMax = 16 << 20;
  ASSIGN_OR_RETURN(const std::string text, ReadFile(out, kBytesMax));
  return Json::parse(text);
}

// The part's answer as a `T`.
template <typename T>
absl::StatusOr<T> RunPartAs(PartRequest request, const char* part) {
  request.part = part;
  try {
    ASSIGN_OR_RETURN(const Json answer, RunPart(request));
    return answer.get<T>();
  } catch (const Json::exception& error) {
    return absl::DataLossError(absl::StrCat("bench_part: ", part, ": ", error.what()));
  }
}

}  // namespace

absl::StatusOr<Json> MeasureHere(const PartRequest& request) {
  ASSIGN_OR_RETURN(const Scenario scenario,
                   MakeScenario(request.scenario, request.size, request.folder));
  if (request.part == "floor") return EncodeFloor(scenario);
  if (request.part == "item") {
    return RenderItems(scenario, request.items, request.shares, request.folder);
  }
  if (request.part == "paint") return PaintFrames(scenario);
  if (request.part == "quality") return CompareQuality(scenario, request.folder);
  if (request.part == "check") {
    RETURN_IF_ERROR(CheckFloorIsTheItem(scenario));
    return Json(true);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown part \"", request.part, "\"; valid: floor, item, paint, quality, check"));
}

absl::StatusOr<RunCost> MeasureFloor(PartRequest request) {
  return RunPartAs<RunCost>(std::move(request), "floor");
}

absl::StatusOr<std::vector<RunCost>> MeasureItems(PartRequest request) {
  return RunPartAs<std::vector<RunCost>>(std::move(request), "item");
}

absl::StatusOr<std::vector<double>> MeasurePaint(PartRequest request) {
  return RunPartAs<std::vector<double>>(std::move(request), "paint");
}

absl::StatusOr<Quality> MeasureQuality(PartRequest request) {
  return RunPartAs<Quality>(std::move(request), "quality");
}

absl::Status CheckFloor(PartRequest request) {
  return RunPartAs<bool>(std::move(request), "check").status();
}

}  // namespace rn
