#include "bench/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

std::string Name(const BenchRow& row) {
  return row.ratio_to.empty() ? row.metric : absl::StrCat(row.metric, " / ", row.ratio_to);
}

}  // namespace

BenchRow Summary(BenchRow row, std::vector<double> values) {
  CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  row.value = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  row.low = values.front();
  row.high = values.back();
  row.runs = static_cast<int>(values.size());
  return row;
}

BenchRow Percentile99(BenchRow row, const std::vector<double>& values) {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  row = Summary(std::move(row), values);
  row.value = sorted[(sorted.size() * 99 - 1) / 100];
  return row;
}

void AddPercentiles(std::vector<BenchRow>& rows,
                    const BenchRow& row,
                    const std::vector<double>& values) {
  BenchRow median = row;
  median.metric += " p50";
  median.target.reset();
  rows.push_back(Summary(std::move(median), values));
  BenchRow last = row;
  last.metric += " p99";
  rows.push_back(Percentile99(std::move(last), values));
}

absl::Status WriteRows(const std::filesystem::path& path, const std::vector<BenchRow>& rows) {
  nlohmann::json array = nlohmann::json::array();
  for (const BenchRow& row : rows) {
    const auto figure = [&row](double value) {
      return row.note.empty() ? nlohmann::json(value) : nlohmann::json();
    };
    array.push_back({{"scenario", row.scenario},
                     {"metric", row.metric},
                     {"value", figure(row.value)},
                     {"low", figure(row.low)},
                     {"high", figure(row.high)},
                     {"unit", row.unit},
                     {"ratio_to", row.ratio_to},
                     {"target", row.target ? nlohmann::json(*row.target) : nlohmann::json()},
                     {"runs", row.runs},
                     {"note", row.note}});
  }
  if (path.has_parent_path()) RETURN_IF_ERROR(CreateDirectories(path.parent_path()));
  return WriteFileDurably(path, absl::StrCat(array.dump(2), "\n"));
}

absl::StatusOr<std::vector<BenchRow>> ReadRows(const std::filesystem::path& path) {
  constexpr std::int64_t kBytesMax = 16 << 20;
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kBytesMax));
  std::vector<BenchRow> rows;
  try {
    for (const nlohmann::json& row : nlohmann::json::parse(text)) {
      const auto figure = [&row](const char* key) {
        return row.at(key).is_null() ? 0.0 : row.at(key).get<double>();
      };
      rows.push_back({.scenario = row.at("scenario"),
                      .metric = row.at("metric"),
                      .value = figure("value"),
                      .low = figure("low"),
                      .high = figure("high"),
                      .unit = row.at("unit"),
                      .ratio_to = row.at("ratio_to"),
                      .runs = row.at("runs"),
                      .note = row.at("note")});
      if (const nlohmann::json& target = row.at("target"); !target.is_null()) {
        rows.back().target = target.get<double>();
      }
    }
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat(path.string(), ": ", error.what()));
  }
  return rows;
}

std::string Table(const std::vector<BenchRow>& rows) {
  std::size_t width = 0;
  for (const BenchRow& row : rows) width = std::max(width, Name(row).size());
  const int name_width = static_cast<int>(width);
  std::string table = absl::StrFormat("%-8s  %-*s  %10s  %-4s  %19s  %8s  runs\n",
                                      "scenario",
                                      name_width,
                                      "metric",
                                      "median",
                                      "unit",
                                      "range",
                                      "target");
  for (const BenchRow& row : rows) {
    if (!row.note.empty()) {
      absl::StrAppendFormat(
          &table, "%-8s  %-*s  %s\n", row.scenario, name_width, Name(row), row.note);
      continue;
    }
    const std::string target =
        row.target ? absl::StrFormat("<= %.5g", *row.target) : std::string("-");
    absl::StrAppendFormat(&table,
                          "%-8s  %-*s  %10.4f  %-4s  %9.4f-%9.4f  %8s  %4d%s\n",
                          row.scenario,
                          name_width,
                          Name(row),
                          row.value,
                          row.unit,
                          row.low,
                          row.high,
                          target,
                          row.runs,
                          row.target && row.value > *row.target ? "  MISSED" : "");
  }
  return table;
}

}  // namespace rn
