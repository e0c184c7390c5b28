#include "bench/page.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "bench/plot.h"

namespace rn {
namespace {

using Rows = std::vector<BenchRow>;

constexpr char kCpu[] = ": CPU";
constexpr char kNotMeasured[] = "*Not measured.*\n";

const BenchRow* Find(const Rows& rows,
                     absl::string_view scenario,
                     absl::string_view metric,
                     absl::string_view ratio_to = "") {
  for (const BenchRow& row : rows) {
    if (row.scenario == scenario && row.metric == metric && row.ratio_to == ratio_to) return &row;
  }
  return nullptr;
}

// Three figures that say something.
std::string Figure(double value) {
  if (value >= 100) return absl::StrFormat("%.0f", value);
  if (value >= 10) return absl::StrFormat("%.1f", value);
  return absl::StrFormat("%.2f", value);
}

std::string Cell(const BenchRow* row) {
  if (row == nullptr) return "–";
  return row->note.empty() ? Figure(row->value) : row->note;
}

std::string TableLine(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

std::string TableHead(const std::vector<std::string>& cells) {
  return absl::StrCat(TableLine(cells), TableLine(std::vector<std::string>(cells.size(), "---")));
}

// Who was measured against the floor, in the order of the rows; and on what.
struct Field {
  std::vector<std::string> contenders, scenarios;
};
Field FieldOf(const Rows& rows) {
  Field field;
  const auto add = [](std::vector<std::string>* to, absl::string_view name) {
    if (std::find(to->begin(), to->end(), name) == to->end()) to->emplace_back(name);
  };
  for (const BenchRow& row : rows) {
    if (row.ratio_to == "encode floor" || !row.note.empty()) {
      absl::string_view name = row.metric;
      if (!absl::ConsumeSuffix(&name, kCpu)) continue;
      add(&field.contenders, name);
      add(&field.scenarios, row.scenario);
    }
  }
  return field;
}

// Its row against the floor, or the one that says why there is none.
const BenchRow* CpuRow(const Rows& rows, absl::string_view scenario, absl::string_view who) {
  const std::string metric = absl::StrCat(who, kCpu);
  const BenchRow* measured = Find(rows, scenario, metric, "encode floor");
  return measured != nullptr ? measured : Find(rows, scenario, metric);
}

// ------------------------------------------------------------------- blocks
std::string Machine(const Rows& rows) {
  std::string text;
  for (const BenchRow& row : rows) {
    if (row.scenario == "machine") absl::StrAppend(&text, "- ", row.metric, ": ", row.note, "\n");
  }
  return text.empty() ? kNotMeasured : text;
}

std::string Contenders(const Rows& rows) {
  const auto [contenders, scenarios] = FieldOf(rows);
  if (contenders.empty()) return kNotMeasured;
  std::vector<std::string> head = {"CPU seconds ÷ encode floor"};
  head.insert(head.end(), scenarios.begin(), scenarios.end());
  std::string table = TableHead(head);
  for (const std::string& who : contenders) {
    std::vector<std::string> cells = {who};
    for (const std::string& scenario : scenarios)
      cells.push_back(Cell(CpuRow(rows, scenario, who)));
    absl::StrAppend(&table, TableLine(cells));
  }
  std::vector<std::string> floor = {"*the floor itself, s*"};
  for (const std::string& scenario : scenarios) {
    floor.push_back(Cell(Find(rows, scenario, "encode floor")));
  }
  return absl::StrCat(
      table, TableLine(floor), "\n![CPU of each against the floor](performance/contenders.svg)\n");
}

std::string Details(const Rows& rows) {
  const auto [contenders, scenarios] = FieldOf(rows);
  std::string text;
  for (const std::string& scenario : scenarios) {
    absl::StrAppend(&text,
                    text.empty() ? "" : "\n",
                    TableHead({scenario,
                               "CPU ÷ floor",
                               "range",
                               "wall, s",
                               "peak RSS, MiB",
                               "video bytes ÷ floor",
                               "runs"}));
    for (const std::string& who : contenders) {
      const BenchRow* cpu = CpuRow(rows, scenario, who);
      if (cpu == nullptr || !cpu->note.empty()) continue;
      absl::StrAppend(
          &text,
          TableLine({who,
                     Cell(cpu),
                     absl::StrCat(Figure(cpu->low), "–", Figure(cpu->high)),
                     Cell(Find(rows, scenario, absl::StrCat(who, ": wall"))),
                     Cell(Find(rows, scenario, absl::StrCat(who, ": peak RSS"))),
                     Cell(Find(rows, scenario, absl::StrCat(who, ": video bytes"), "encode floor")),
                     absl::StrCat(cpu->runs)}));
    }
  }
  return text.empty() ? kNotMeasured : text;
}

// Every row that has a target.
std::string Targets(const Rows& rows) {
  std::string text;
  for (const BenchRow& row : rows) {
    if (!row.target.has_value()) continue;
    absl::StrAppend(&text,
                    TableLine({row.scenario,
                               row.ratio_to.empty() ? row.metric
                                                    : absl::StrCat(row.metric, " ÷ ", row.ratio_to),
                               absl::StrFormat("%.4g %s", row.value, row.unit),
                               absl::StrFormat("%.4g – %.4g", row.low, row.high),
                               absl::StrFormat("≤ %.4g", *row.target),
                               row.value <= *row.target ? "reached" : "**missed**"}));
  }
  return text.empty() ? kNotMeasured
                      : TableHead({"of", "what", "median", "range", "target", ""}) + text;
}

std::string QualityBlock(const Rows& rows) {
  std::string text;
  for (const std::string& scenario : FieldOf(rows).scenarios) {
    const BenchRow* ours = Find(rows, scenario, "rendernode: SSIM to the source");
    const BenchRow* plain = Find(rows, scenario, "plain x264: SSIM to the source");
    if (ours == nullptr || plain == nullptr) continue;
    absl::StrAppend(&text,
                    TableLine({scenario,
                               absl::StrFormat("%.5f", ours->value),
                               absl::StrFormat("%.5f", plain->value),
                               Cell(Find(rows, scenario, "video bytes", "plain x264"))}));
  }
  return text.empty() ? kNotMeasured
                      : TableHead({"", "SSIM", "SSIM of plain x264", "bytes ÷ plain x264"}) + text;
}

std::string KernelsBlock(const Rows& rows) {
  std::string text;
  for (const BenchRow& row : rows) {
    if (row.scenario != "kernels" || row.unit != "ms") continue;
    const BenchRow* rate = nullptr;
    for (const BenchRow& other : rows) {
      if (other.scenario == "kernels" && other.metric == row.metric && other.unit == "GB/s") {
        rate = &other;
      }
    }
    absl::StrAppend(&text,
                    TableLine({row.metric,
                               Cell(&row),
                               Cell(rate),
                               Cell(Find(rows, "kernels", row.metric, "memory bound"))}));
  }
  return text.empty()
             ? kNotMeasured
             : TableHead({"on a 1080p frame, one core", "ms", "GB/s", "÷ memory bound"}) + text;
}

struct Series {
  const char* scenario;
  const char* title;
  const char* x_label;
};
constexpr Series kSeries[] = {{"items", "Items in a row, in one process", "items"},
                              {"length", "One item, by its length", "seconds of video"},
                              {"pixels", "One item, by its frame", "megapixels"}};

// "600 s: CPU" is a point at 600.
std::vector<std::pair<const BenchRow*, double>> PointsOf(const Rows& rows,
                                                         absl::string_view scenario) {
  std::vector<std::pair<const BenchRow*, double>> points;
  for (const BenchRow& row : rows) {
    double x = 0;
    const absl::string_view first = *absl::StrSplit(row.metric, ' ').begin();
    if (row.scenario == scenario && absl::EndsWith(row.metric, kCpu) &&
        absl::SimpleAtod(first, &x)) {
      points.emplace_back(&row, x);
    }
  }
  return points;
}

std::string Scaling(const Rows& rows) {
  std::string text;
  for (const auto& [scenario, title, x_label] : kSeries) {
    const auto points = PointsOf(rows, scenario);
    if (points.size() < 2) continue;
    absl::StrAppend(&text,
                    text.empty() ? "" : "\n",
                    TableHead({title, "CPU, s", "CPU ÷ size", "peak RSS, MiB"}));
    for (const auto& [row, x] : points) {
      const std::string size(absl::StripSuffix(row->metric, kCpu));
      absl::StrAppend(&text,
                      TableLine({size,
                                 Cell(row),
                                 absl::StrFormat("%.4g", row->value / x),
                                 Cell(Find(rows, scenario, absl::StrCat(size, ": peak RSS")))}));
    }
    const BenchRow* departure = Find(rows, scenario, "largest departure from a line");
    absl::StrAppend(&text,
                    "\nLargest departure from a straight line: ",
                    Cell(departure),
                    " %.\n\n![",
                    title,
                    "](performance/",
                    scenario,
                    ".svg)\n");
  }
  return text.empty() ? kNotMeasured : text;
}

constexpr double kWholeFrom = 1000;  // A figure of so many digits needs no fraction.

// Rows of benches that speak for themselves.
std::string Plain(const Rows& rows, absl::string_view suffix_or_name) {
  std::string text;
  for (const BenchRow& row : rows) {
    if (row.scenario != suffix_or_name && !absl::EndsWith(row.scenario, suffix_or_name)) continue;
    absl::StrAppend(
        &text,
        TableLine({row.scenario,
                   absl::StrCat(row.metric, row.ratio_to.empty() ? "" : " / ", row.ratio_to),
                   row.value >= kWholeFrom ? absl::StrFormat("%.0f %s", row.value, row.unit)
                                           : absl::StrFormat("%.4g %s", row.value, row.unit)}));
  }
  return text;
}

std::string NodeBlock(const Rows& rows) {
  const std::string text = absl::StrCat(Plain(rows, "node"), Plain(rows, " n."));
  return text.empty() ? kNotMeasured : TableHead({"of", "what", "median"}) + text;
}

std::string RestBlock(const Rows& rows) {
  const std::string text = absl::StrCat(Plain(rows, "REST"),
                                        Plain(rows, "REST, TLS"),
                                        Plain(rows, "WebSockets"),
                                        Plain(rows, "WebSockets, TLS"));
  return text.empty() ? kNotMeasured : TableHead({"of", "what", ""}) + text;
}

// The scheduler beside first come, first served.
std::string Schedule(const Rows& rows) {
  std::string text;
  for (const BenchRow& row : rows) {
    if (row.scenario != "scheduler") continue;
    const std::string what =
        row.unit.empty() ? row.metric : absl::StrCat(row.metric, ", ", row.unit);
    absl::StrAppend(&text, TableLine({what, Cell(&row), Cell(Find(rows, "FIFO", row.metric))}));
  }
  return text.empty() ? kNotMeasured : TableHead({"", "scheduler", "FIFO"}) + text;
}

using Block = std::string (*)(const Rows& rows);
const std::map<std::string, Block>& Blocks() {
  static const auto* const blocks = new std::map<std::string, Block>{{"machine", Machine},
                                                                     {"contenders", Contenders},
                                                                     {"details", Details},
                                                                     {"targets", Targets},
                                                                     {"quality", QualityBlock},
                                                                     {"kernels", KernelsBlock},
                                                                     {"scaling", Scaling},
                                                                     {"node", NodeBlock},
                                                                     {"rest", RestBlock},
                                                                     {"schedule", Schedule}};
  return *blocks;
}

constexpr char kEnd[] = "<!-- /bench -->";

// The NAME of a line that begins a block.
std::optional<std::string> BlockName(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "<!-- bench: ") || !absl::ConsumeSuffix(&line, " -->")) {
    return std::nullopt;
  }
  return std::string(line);
}

}  // namespace

absl::StatusOr<std::string> FillPage(const std::string& page, const Rows& rows) {
  std::vector<std::string> out;
  std::optional<std::string> inside;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(page, '\n')) {
    ++number;
    if (inside.has_value() && line != kEnd) continue;
    if (inside.has_value()) {
      out.push_back(Blocks().at(*inside)(rows) + kEnd);
      inside.reset();
      continue;
    }
    out.emplace_back(line);
    inside = BlockName(line);
    if (inside.has_value() && !Blocks().contains(*inside)) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ",
                       number,
                       ": unknown block \"",
                       *inside,
                       "\"; valid: ",
                       absl::StrJoin(Blocks(), ", ", [](std::string* to, const auto& block) {
                         absl::StrAppend(to, block.first);
                       })));
    }
  }
  if (inside.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("block \"", *inside, "\" has no line ", kEnd));
  }
  return absl::StrJoin(out, "\n");
}

std::map<std::string, std::string> Charts(const Rows& rows) {
  std::map<std::string, std::string> charts;
  const auto [contenders, scenarios] = FieldOf(rows);
  if (!contenders.empty()) {
    BarChart chart{.title = "CPU of one item ÷ CPU of encoding its frames (less is better)",
                   .groups = scenarios,
                   .mark = 1};
    for (const std::string& who : contenders) {
      BarChart::Series series{.name = who};
      for (const std::string& scenario : scenarios) {
        const BenchRow* row = CpuRow(rows, scenario, who);
        series.values.push_back(row == nullptr || !row->note.empty()
                                    ? std::nullopt
                                    : std::optional<double>(row->value));
      }
      chart.series.push_back(std::move(series));
    }
    charts["contenders.svg"] = Svg(chart);
  }
  for (const auto& [scenario, title, x_label] : kSeries) {
    LineChart chart{.title = title, .x_label = x_label, .y_label = "CPU, s"};
    for (const auto& [row, x] : PointsOf(rows, scenario)) {
      chart.points.push_back({.x = x, .y = row->value});
    }
    if (chart.points.size() >= 2) charts[absl::StrCat(scenario, ".svg")] = Svg(chart);
  }
  return charts;
}

}  // namespace rn
