// A document's tables and charts, made of a benchmark's rows: everything between the lines
//   <!-- bench: NAME --> and <!-- /bench -->
// is replaced by what NAME stands for; the words around it are people's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/report.h"

namespace rn {

// NAME: machine, contenders, details, targets, quality, kernels, scaling, node, schedule. What was
// not measured says so.
// InvalidArgument: an unknown NAME, or a block without an end; the line is named.
absl::StatusOr<std::string> FillPage(const std::string& page, const std::vector<BenchRow>& rows);

// The charts that its blocks show, by file name: "contenders.svg", "items.svg" …
std::map<std::string, std::string> Charts(const std::vector<BenchRow>& rows);

}  // namespace rn
