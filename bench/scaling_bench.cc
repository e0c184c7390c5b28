// What more of everything costs: items in a row, seconds of video, pixels of a frame. Each point is
// a process of its own; the points take turns, and each is the median of its runs.
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/linearity.h"
#include "bench/measure.h"
#include "bench/program.h"
#include "bench/report.h"

ABSL_FLAG(int, runs, 3, "of every point");
ABSL_FLAG(bool, quick, false, "small sizes: to see that it works");

namespace rn {
namespace {

constexpr double kDepartureTargetPercent = 5;
constexpr double kMemoryTarget = 1.05;  // the largest size's peak to the smallest's

struct Cost {
  double cpu_s = 0, peak_rss_mib = 0;
};

// A measured size: "10 items", what a line is drawn over, and how to measure it.
struct Size {
  double x = 0;
  std::string name;
  std::function<absl::StatusOr<Cost>()> measure;
};

// `memory_flat`: a larger size needs no more of it.
absl::Status MeasureSeries(const std::string& scenario,
                           const std::vector<Size>& sizes,
                           bool memory_flat,
                           std::vector<BenchRow>* rows) {
  std::vector<std::vector<double>> cpu_s(sizes.size()), rss_mib(sizes.size());
  const int runs = absl::GetFlag(FLAGS_runs);
  for (int run = 1; run <= runs; ++run) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      std::fprintf(
          stderr, "%s: %s, run %d of %d\n", scenario.c_str(), sizes[i].name.c_str(), run, runs);
      ASSIGN_OR_RETURN(const Cost cost, sizes[i].measure());
      cpu_s[i].push_back(cost.cpu_s);
      rss_mib[i].push_back(cost.peak_rss_mib);
    }
  }
  std::vector<Point> points;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto metric = [&](const char* what) { return absl::StrCat(sizes[i].name, ": ", what); };
    rows->push_back(
        Summary({.scenario = scenario, .metric = metric("CPU"), .unit = "s"}, cpu_s[i]));
    points.push_back({.x = sizes[i].x, .y = rows->back().value});
    rows->push_back(
        Summary({.scenario = scenario, .metric = metric("peak RSS"), .unit = "MiB"}, rss_mib[i]));
  }
  rows->push_back(Summary({.scenario = scenario,
                           .metric = "largest departure from a line",
                           .unit = "%",
                           .target = kDepartureTargetPercent},
                          {DepartureFromLine(points)}));
  if (memory_flat) {
    rows->push_back(
        Summary({.scenario = scenario,
                 .metric = absl::StrCat("peak RSS, ", sizes.back().name),
                 .ratio_to = sizes.front().name,
                 .target = kMemoryTarget},
                {Summary({}, rss_mib.back()).value / Summary({}, rss_mib.front()).value}));
  }
  return absl::OkStatus();
}

// Items in a row in one process; the first bears its beginning.
absl::StatusOr<Cost> AllOf(const PartRequest& request) {
  ASSIGN_OR_RETURN(const std::vector<RunCost> costs, MeasureItems(request));
  Cost sum{.peak_rss_mib = costs.back().peak_rss_mib};
  for (const RunCost& cost : costs) sum.cpu_s += cost.cpu_s;
  return sum;
}

// An item in a warm process.
absl::StatusOr<Cost> WarmOne(PartRequest request) {
  request.items = 2;
  ASSIGN_OR_RETURN(const std::vector<RunCost> costs, MeasureItems(request));
  return Cost{.cpu_s = costs.back().cpu_s, .peak_rss_mib = costs.back().peak_rss_mib};
}

// What is measured, and how large its pieces are.
struct Plan {
  std::vector<int> items, rounds, heights;
  double item_seconds, round_seconds, frame_seconds;
  int height;  // of items and rounds
};
const Plan kFull{.items = {1, 10, 100},
                 .rounds = {1, 3, 6, 18, 60},  // to ten minutes
                 .heights = {480, 720, 1080, 1440, 2160},
                 .item_seconds = 3,
                 .round_seconds = 10,
                 .frame_seconds = 5,
                 .height = 1080};
const Plan kQuick{.items = {1, 2, 4},
                  .rounds = {1, 2, 4},
                  .heights = {240, 360, 480},
                  .item_seconds = 1,
                  .round_seconds = 1,
                  .frame_seconds = 1,
                  .height = 360};

std::vector<Size> ItemSizes(const Plan& plan, PartRequest request) {
  request.size = {.seconds = plan.item_seconds, .height = plan.height};
  std::vector<Size> sizes;
  for (const int items : plan.items) {
    request.items = items;
    sizes.push_back({static_cast<double>(items),
                     absl::StrCat(items, items == 1 ? " item" : " items"),
                     [request] { return AllOf(request); }});
  }
  return sizes;
}

std::vector<Size> LengthSizes(const Plan& plan, PartRequest request) {
  request.size = {.seconds = plan.round_seconds, .height = plan.height};
  std::vector<Size> sizes;
  for (const int rounds : plan.rounds) {
    request.size.rounds = rounds;
    const double seconds = rounds * plan.round_seconds;
    sizes.push_back({seconds, absl::StrCat(seconds, " s"), [request] { return WarmOne(request); }});
  }
  return sizes;
}

std::vector<Size> PixelSizes(const Plan& plan, PartRequest request) {
  request.size.seconds = plan.frame_seconds;
  std::vector<Size> sizes;
  for (const int height : plan.heights) {
    request.size.height = height;
    const double megapixels = std::round(height * 16.0 / 9) * height / 1e6;
    sizes.push_back({megapixels, absl::StrFormat("%.2f Mpx (%dp)", megapixels, height), [request] {
                       return WarmOne(request);
                     }});
  }
  return sizes;
}

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  const Plan& plan = absl::GetFlag(FLAGS_quick) ? kQuick : kFull;
  ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create("bench"));
  const PartRequest promo{.scenario = "S1", .folder = folder.path()};
  // Beforehand: the first process would bear what its assets cost.
  RETURN_IF_ERROR(MakeScenario(promo.scenario, promo.size, promo.folder).status());
  std::vector<BenchRow> rows;
  RETURN_IF_ERROR(MeasureSeries("items", ItemSizes(plan, promo), true, &rows));
  RETURN_IF_ERROR(MeasureSeries("length", LengthSizes(plan, promo), true, &rows));
  RETURN_IF_ERROR(MeasureSeries("pixels", PixelSizes(plan, promo), false, &rows));
  return rows;
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "scaling_bench", rn::MeasureAll);
}
