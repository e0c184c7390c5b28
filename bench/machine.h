// Where figures come from.
#pragma once

#include <string>
#include <vector>

#include "bench/report.h"

namespace rn {

// Rows of scenario "machine", each with a note and no value: processor, cores, memory, system,
// FFmpeg, and the command that measured, as a person would type it.
std::vector<BenchRow> DescribeMachine(const std::string& command);

}  // namespace rn
