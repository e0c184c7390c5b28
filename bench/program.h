// What every program of the benchmark does around its work.
#pragma once

#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/report.h"

// Where the figures go, as JSON; "" = nowhere.
ABSL_DECLARE_FLAG(std::string, out);

namespace rn {

// Reads the flags and works; the exit status. An error is told on stderr, after the program's name.
int RunProgram(int argc, char** argv, const char* name, absl::Status (*work)());

// As RunProgram, for what gives rows: prints them, and writes them to --out as JSON.
int RunBench(int argc,
             char** argv,
             const char* name,
             absl::StatusOr<std::vector<BenchRow>> (*measure)());

}  // namespace rn
