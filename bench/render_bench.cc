// What an item costs above the encoder it cannot do without, and what others need for the same.
// Every ratio is of runs taken one right after the other, each in a fresh process; medians.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/contenders.h"
#include "bench/machine.h"
#include "bench/measure.h"
#include "bench/program.h"
#include "bench/quality.h"
#include "bench/report.h"
#include "bench/scenarios.h"

ABSL_FLAG(std::vector<std::string>, with, {}, "rows of other benches for the same table and file");
ABSL_FLAG(std::vector<std::string>,
          scenarios,
          std::vector<std::string>({"S1", "S2", "S3"}),
          "which ones");
ABSL_FLAG(int, pairs, 5, "runs of everyone, one after the other, per scenario");
ABSL_FLAG(double, seconds, 15, "how long an item plays");
ABSL_FLAG(int, height, 1080, "lines of its frame; others than ours need 1080");
ABSL_FLAG(std::vector<std::string>,
          contenders,
          {},
          "who else: ffmpeg, ffmpeg-tuned, melt, remotion, editly");
ABSL_FLAG(std::string,
          projects,
          "out/bench",
          "where npm installed bench/remotion and bench/editly");
ABSL_FLAG(std::string, command, "render_bench", "how all of this was started, for the document");
ABSL_FLAG(std::string, folder, "", "make the assets here and keep them; empty: in a temporary one");

namespace rn {
namespace {

// Most that each may cost (CPU) against the encoder alone.
const std::map<std::string, double>& CpuTargets() {
  static const auto* const targets =
      new std::map<std::string, double>{{"S1", 0.85}, {"S2", 0.50}, {"S3", 1.05}};
  return *targets;
}

// Measurements of one kind, run after run, become a row at the end.
class Rows {
 public:
  explicit Rows(std::string scenario) : scenario_(std::move(scenario)) {}

  void Take(BenchRow row, double value) {
    row.scenario = scenario_;
    const std::string key = absl::StrCat(row.metric, "/", row.ratio_to);
    if (values_[key].empty()) rows_.push_back(std::move(row));
    values_[key].push_back(value);
  }

  void AppendTo(std::vector<BenchRow>* all) const {
    for (const BenchRow& row : rows_) {
      if (!row.note.empty()) {
        all->push_back(row);
        continue;
      }
      all->push_back(Summary(row, values_.at(absl::StrCat(row.metric, "/", row.ratio_to))));
    }
  }

  void TakeMissing(const std::string& metric, absl::string_view why) {
    rows_.push_back({.scenario = scenario_, .metric = metric, .note = std::string(why)});
  }

 private:
  const std::string scenario_;
  std::vector<BenchRow> rows_;  // in the order in which they came first
  std::map<std::string, std::vector<double>> values_;
};

// Frames on which something moves: the others cost nothing to speak of.
std::vector<double> Moving(const std::vector<double>& costs_ms) {
  constexpr double kStillMs = 0.05;
  std::vector<double> moving;
  std::copy_if(costs_ms.begin(), costs_ms.end(), std::back_inserter(moving), [](double ms) {
    return ms >= kStillMs;
  });
  return moving.empty() ? costs_ms : moving;
}

// The rows that everyone has.
void TakeRun(const std::string& name, const RunCost& run, const RunCost& floor, Rows* rows) {
  const auto metric = [&](const char* what) { return absl::StrCat(name, ": ", what); };
  rows->Take({.metric = metric("wall"), .unit = "s"}, run.wall_s);
  rows->Take({.metric = metric("peak RSS"), .unit = "MiB"}, run.peak_rss_mib);
  rows->Take({.metric = metric("video bytes"), .ratio_to = "encode floor"},
             static_cast<double>(run.video_bytes) / static_cast<double>(floor.video_bytes));
}

absl::Status TakeOurs(const PartRequest& request, const RunCost& floor, Rows* rows) {
  constexpr int kItems = 3;  // The first finds a cold process, the last a warm one.
  constexpr double kRssTargetMib = 300;
  constexpr double kColdTarget = 1.3;
  PartRequest items = request;
  items.items = kItems;
  ASSIGN_OR_RETURN(const std::vector<RunCost> costs, MeasureItems(items));
  RunCost warm = costs.back();
  ASSIGN_OR_RETURN(warm.video_bytes, VideoBytes(request.folder / "video.mp4"));
  rows->Take({.metric = "rendernode: CPU",
              .ratio_to = "encode floor",
              .target = CpuTargets().at(request.scenario)},
             warm.cpu_s / floor.cpu_s);
  rows->Take({.metric = "rendernode, first item: CPU", .ratio_to = "encode floor"},
             costs.front().cpu_s / floor.cpu_s);
  rows->Take({.metric = "rendernode, first item: CPU",
              .ratio_to = "rendernode: CPU",
              .target = kColdTarget},
             costs.front().cpu_s / warm.cpu_s);
  items.items = 2;
  items.shares = false;
  ASSIGN_OR_RETURN(const std::vector<RunCost> alone, MeasureItems(items));
  rows->Take({.metric = "rendernode, nothing shared: CPU", .ratio_to = "rendernode: CPU"},
             alone.back().cpu_s / warm.cpu_s);
  TakeRun("rendernode", warm, floor, rows);
  rows->Take({.metric = "worker peak RSS", .unit = "MiB", .target = kRssTargetMib},
             warm.peak_rss_mib);
  ASSIGN_OR_RETURN(const std::vector<double> paint, MeasurePaint(request));
  BenchRow moving{.metric = "composite a moving frame", .unit = "ms"};
  // S3's has the clip's decoding in it.
  if (request.scenario == "S1") moving.target = 2;
  if (request.scenario == "S2") moving.target = 1.5;
  rows->Take(std::move(moving), Summary({}, Moving(paint)).value);
  return absl::OkStatus();
}

absl::Status TakeOther(const Contender& contender,
                       const std::filesystem::path& folder,
                       const RunCost& floor,
                       Rows* rows) {
  const std::filesystem::path output = folder / "contender.mp4";
  std::filesystem::remove(output);
  ASSIGN_OR_RETURN(const ChildCost cost, RunChild(contender.Command(output)));
  ASSIGN_OR_RETURN(const std::int64_t bytes, VideoBytes(output));
  rows->Take({.metric = absl::StrCat(contender.name(), ": CPU"), .ratio_to = "encode floor"},
             cost.cpu_s / floor.cpu_s);
  TakeRun(contender.name(),
          {.wall_s = cost.wall_s, .peak_rss_mib = cost.peak_rss_mib, .video_bytes = bytes},
          floor,
          rows);
  return absl::OkStatus();
}

// Equal quality is part of every claim.
absl::Status TakeQuality(const PartRequest& request, Rows* rows) {
  constexpr double kSsimLossMax = 0.0005;
  constexpr double kBytesTarget = 1.05;
  ASSIGN_OR_RETURN(const Quality quality, MeasureQuality(request));
  rows->Take({.metric = "rendernode: SSIM to the source"}, quality.item_ssim);
  rows->Take({.metric = "plain x264: SSIM to the source"}, quality.plain_ssim);
  rows->Take({.metric = "SSIM below plain x264", .target = kSsimLossMax},
             quality.plain_ssim - quality.item_ssim);
  rows->Take({.metric = "video bytes", .ratio_to = "plain x264", .target = kBytesTarget},
             static_cast<double>(quality.item_bytes) / static_cast<double>(quality.plain_bytes));
  return absl::OkStatus();
}

absl::Status MeasureScenario(const PartRequest& request, std::vector<BenchRow>* all) {
  ASSIGN_OR_RETURN(std::vector<std::unique_ptr<Contender>> contenders,
                   MakeContenders(absl::GetFlag(FLAGS_contenders),
                                  std::filesystem::absolute(absl::GetFlag(FLAGS_projects))));
  ASSIGN_OR_RETURN(const Scenario scenario,
                   MakeScenario(request.scenario, request.size, request.folder));
  RETURN_IF_ERROR(CheckFloor(request));
  Rows rows(request.scenario);
  RETURN_IF_ERROR(TakeQuality(request, &rows));
  for (auto contender = contenders.begin(); contender != contenders.end();) {
    const absl::Status prepared = (*contender)->Prepare(scenario, request.folder);
    if (!prepared.ok() && !absl::IsNotFound(prepared)) {
      return Annotate(prepared, (*contender)->name());
    }
    if (!prepared.ok()) {
      rows.TakeMissing(absl::StrCat((*contender)->name(), ": CPU"),
                       absl::StrCat("not installed: ", prepared.message()));
    }
    contender = prepared.ok() ? contender + 1 : contenders.erase(contender);
  }
  const int pairs = absl::GetFlag(FLAGS_pairs);
  for (int pair = 1; pair <= pairs; ++pair) {
    std::fprintf(stderr, "%s: run %d of %d\n", request.scenario.c_str(), pair, pairs);
    ASSIGN_OR_RETURN(const RunCost floor, MeasureFloor(request));
    rows.Take({.metric = "encode floor", .unit = "s"}, floor.cpu_s);
    RETURN_IF_ERROR(TakeOurs(request, floor, &rows));
    for (const auto& contender : contenders) {
      RETURN_IF_ERROR(TakeOther(*contender, request.folder, floor, &rows));
    }
  }
  rows.AppendTo(all);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  if (absl::GetFlag(FLAGS_pairs) < 1) {
    return absl::InvalidArgumentError("--pairs: at least 1");
  }
  ASSIGN_OR_RETURN(const TempDir temporary, TempDir::Create("bench"));
  std::filesystem::path folder = absl::GetFlag(FLAGS_folder);
  if (folder.empty()) folder = temporary.path();
  RETURN_IF_ERROR(CreateDirectories(folder));
  std::vector<BenchRow> rows = DescribeMachine(absl::GetFlag(FLAGS_command));
  for (const std::string& name : absl::GetFlag(FLAGS_scenarios)) {
    RETURN_IF_ERROR(MeasureScenario(
        {.scenario = name,
         .size = {.seconds = absl::GetFlag(FLAGS_seconds), .height = absl::GetFlag(FLAGS_height)},
         .folder = std::filesystem::absolute(folder)},
        &rows));
  }
  for (const std::string& path : absl::GetFlag(FLAGS_with)) {
    ASSIGN_OR_RETURN(const std::vector<BenchRow> others, ReadRows(path));
    rows.insert(rows.end(), others.begin(), others.end());
  }
  return rows;
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "render_bench", rn::MeasureAll);
}
