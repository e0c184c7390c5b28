// What an item costs above the encoder it cannot do without. Every ratio is of one pair, taken one
// right after the other; medians over the pairs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/parts.h"
#include "bench/report.h"
#include "bench/scenarios.h"
#include "hwaccel/ffmpeg.h"

ABSL_FLAG(std::string, out, "", "write the rows here, as JSON");
ABSL_FLAG(std::vector<std::string>, with, {}, "rows of other benches for the same table and file");
ABSL_FLAG(std::string, scenarios, "S1,S2", "which ones, separated by commas");
ABSL_FLAG(int, pairs, 5, "pairs of runs per scenario");
ABSL_FLAG(std::string, part, "", "internal: measure this part in this process");
ABSL_FLAG(std::string, folder, "", "internal: where the scenario's assets are made");

namespace rn {
namespace {

using Json = nlohmann::json;

constexpr int kItems = 2;  // The first finds a cold process, the second a warm one.

// ------------------------------------------------------------------- a process for each part
absl::StatusOr<Json> Measure(const std::string& part, const Scenario& scenario) {
  if (part == "floor") return EncodeFloor(scenario);
  if (part == "paint") return PaintFrames(scenario);
  if (part == "item") {
    const std::filesystem::path folder = absl::GetFlag(FLAGS_folder);
    ASSIGN_OR_RETURN(const std::vector<ItemCost> costs, RenderItems(scenario, kItems, folder));
    Json rows = Json::array();
    for (const ItemCost& cost : costs) {
      rows.push_back({{"cpu_s", cost.cpu_s}, {"peak_rss_mib", cost.peak_rss_mib}});
    }
    return rows;
  }
  if (part == "check") {
    RETURN_IF_ERROR(CheckFloorIsTheItem(scenario));
    return Json(true);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown part \"", part, "\"; valid: floor, paint, item, check"));
}

absl::Status MeasureHere() {
  ASSIGN_OR_RETURN(const Scenario scenario,
                   MakeScenario(absl::GetFlag(FLAGS_scenarios), absl::GetFlag(FLAGS_folder)));
  ASSIGN_OR_RETURN(const Json result, Measure(absl::GetFlag(FLAGS_part), scenario));
  std::puts(result.dump().c_str());
  return absl::OkStatus();
}

absl::StatusOr<Json> MeasureInChild(const std::string& part,
                                    const std::string& scenario,
                                    const TempDir& folder) {
  const std::string command = absl::StrCat("'",
                                           std::filesystem::read_symlink("/proc/self/exe").string(),
                                           "' --part=",
                                           part,
                                           " --scenarios=",
                                           scenario,
                                           " --folder='",
                                           folder.path().string(),
                                           "'");
  FILE* child = popen(command.c_str(), "r");
  if (child == nullptr) return ErrnoStatus(errno, command);
  std::string output;
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, child)) {
    output.append(buffer, n);
  }
  if (const int status = pclose(child); status != 0) {
    return absl::InternalError(absl::StrCat(command, ": status ", status));
  }
  Json result = Json::parse(output, nullptr, /*allow_exceptions=*/false);
  if (result.is_discarded()) {
    return absl::InternalError(absl::StrCat(command, ": printed no JSON"));
  }
  return result;
}

// ------------------------------------------------------------------- rows
// Frames on which something moves: the others cost nothing to speak of.
std::vector<double> Moving(const std::vector<double>& costs_ms) {
  constexpr double kStillMs = 0.05;
  std::vector<double> moving;
  std::copy_if(costs_ms.begin(), costs_ms.end(), std::back_inserter(moving), [](double ms) {
    return ms >= kStillMs;
  });
  return moving.empty() ? costs_ms : moving;
}

absl::Status MeasureScenario(const std::string& name,
                             const TempDir& folder,
                             std::vector<BenchRow>* rows) {
  RETURN_IF_ERROR(MakeScenario(name, folder.path()).status());
  RETURN_IF_ERROR(MeasureInChild("check", name, folder).status());
  std::map<std::string, std::vector<double>> taken;
  const int pairs = absl::GetFlag(FLAGS_pairs);
  for (int pair = 1; pair <= pairs; ++pair) {
    std::fprintf(stderr, "%s: pair %d of %d\n", name.c_str(), pair, pairs);
    ASSIGN_OR_RETURN(const Json floor, MeasureInChild("floor", name, folder));
    ASSIGN_OR_RETURN(const Json items, MeasureInChild("item", name, folder));
    ASSIGN_OR_RETURN(const Json paint, MeasureInChild("paint", name, folder));
    const double floor_s = floor.get<double>();
    const double cold_s = items.front()["cpu_s"].get<double>();
    const double warm_s = items.back()["cpu_s"].get<double>();
    taken["floor"].push_back(floor_s);
    taken["item"].push_back(warm_s / floor_s);
    taken["cold"].push_back(cold_s / warm_s);
    taken["paint"].push_back(Summary({}, Moving(paint.get<std::vector<double>>())).value);
    taken["rss"].push_back(items.back()["peak_rss_mib"].get<double>());
  }
  const auto add = [&](const char* key, BenchRow row) {
    row.scenario = name;
    rows->push_back(Summary(std::move(row), taken.at(key)));
  };
  add("item", {.metric = "whole item", .ratio_to = "encode floor", .target = 1.15});
  add("cold", {.metric = "first item", .ratio_to = "warm item", .target = 1.3});
  add("floor", {.metric = "encode floor", .unit = "s"});
  add("paint",
      {.metric = "composite a moving frame", .unit = "ms", .target = name == "S1" ? 2 : 1.5});
  add("rss", {.metric = "worker peak RSS", .unit = "MiB", .target = 450});
  return absl::OkStatus();
}

absl::Status MeasureAll() {
  if (absl::GetFlag(FLAGS_pairs) < 1) {
    return absl::InvalidArgumentError("--pairs: at least 1");
  }
  ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create("bench"));
  std::vector<BenchRow> rows;
  const std::vector<std::string> names = absl::StrSplit(absl::GetFlag(FLAGS_scenarios), ',');
  for (const std::string& name : names) {
    RETURN_IF_ERROR(MeasureScenario(name, folder, &rows));
  }
  for (const std::string& path : absl::GetFlag(FLAGS_with)) {
    ASSIGN_OR_RETURN(const std::vector<BenchRow> others, ReadRows(path));
    rows.insert(rows.end(), others.begin(), others.end());
  }
  std::fputs(Table(rows).c_str(), stdout);
  const std::string out = absl::GetFlag(FLAGS_out);
  return out.empty() ? absl::OkStatus() : WriteRows(out, rows);
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  try {
    absl::ParseCommandLine(argc, argv);
    av_log_set_level(AV_LOG_ERROR);
    const absl::Status status =
        absl::GetFlag(FLAGS_part).empty() ? rn::MeasureAll() : rn::MeasureHere();
    if (status.ok()) return EXIT_SUCCESS;
    std::fprintf(stderr, "render_bench: %s\n", status.ToString().c_str());
  } catch (const std::exception& error) {  // A part's JSON of another shape, a file system's.
    std::fprintf(stderr, "render_bench: %s\n", error.what());
  }
  return EXIT_FAILURE;
}
