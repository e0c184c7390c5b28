#include "bench/program.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "hwaccel/ffmpeg.h"

ABSL_FLAG(std::string, out, "", "the figures are written here, as JSON");

namespace rn {
namespace {

int Run(int argc, char** argv, const char* name, const std::function<absl::Status()>& work) {
  try {
    absl::SetProgramUsageMessage(absl::StrCat(name, " [--flag=value…]"));
    absl::ParseCommandLine(argc, argv);
    av_log_set_level(AV_LOG_ERROR);
    const absl::Status status = work();
    if (status.ok()) return EXIT_SUCCESS;
    std::fprintf(stderr, "%s: %s\n", name, status.ToString().c_str());
  } catch (const std::exception& error) {  // A file system's.
    std::fprintf(stderr, "%s: %s\n", name, error.what());
  }
  return EXIT_FAILURE;
}

}  // namespace

int RunProgram(int argc, char** argv, const char* name, absl::Status (*work)()) {
  return Run(argc, argv, name, work);
}

int RunBench(int argc,
             char** argv,
             const char* name,
             absl::StatusOr<std::vector<BenchRow>> (*measure)()) {
  return Run(argc, argv, name, [measure]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<BenchRow> rows, measure());
    std::fputs(Table(rows).c_str(), stdout);
    const std::string out = absl::GetFlag(FLAGS_out);
    return out.empty() ? absl::OkStatus() : WriteRows(out, rows);
  });
}

}  // namespace rn
