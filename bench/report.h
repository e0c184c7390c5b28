// Figures of a benchmark, as JSON for machines and as a table for people.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rn {

struct BenchRow {
  std::string scenario;  // "S1"; empty: none
  std::string metric;    // "whole item"
  double value = 0;      // the median
  double low = 0, high = 0;
  std::string unit;              // "ms", "MiB"; empty for ratios
  std::string ratio_to;          // for ratios: what the metric is divided by
  std::optional<double> target;  // at most this much
  int runs = 0;
  std::string note;  // why nothing was measured: then there is no value
};

// The row of several measurements of one thing.
BenchRow Summary(BenchRow row, std::vector<double> values);
// The same, its value being the 99th percentile.
BenchRow Percentile99(BenchRow row, const std::vector<double>& values);
// Two rows, "<metric> p50" and "<metric> p99"; a target is the latter's.
void AddPercentiles(std::vector<BenchRow>& rows,
                    const BenchRow& row,
                    const std::vector<double>& values);

// An array of rows, with the members' names as keys; a target that is missing is null, and so
// are the figures of a row with a note.
absl::Status WriteRows(const std::filesystem::path& path, const std::vector<BenchRow>& rows);
absl::StatusOr<std::vector<BenchRow>> ReadRows(const std::filesystem::path& path);
std::string Table(const std::vector<BenchRow>& rows);

}  // namespace rn
