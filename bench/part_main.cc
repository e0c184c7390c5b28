// One measurement in a process that does nothing else: measure.h starts it.
#include <string>

#include "absl/flags/flag.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/measure.h"
#include "bench/program.h"

ABSL_FLAG(std::string, part, "", "floor, item, paint, quality or check");
ABSL_FLAG(std::string, scenario, "S1", "S1, S2 or S3");
ABSL_FLAG(double, seconds, 15, "how long a round plays");
ABSL_FLAG(int, rounds, 1, "how often its scenes come");
ABSL_FLAG(int, height, 1080, "lines of the frame");
ABSL_FLAG(int, items, 1, "how many are rendered in a row");
ABSL_FLAG(bool, shares, true, "what they have in common is made once");
ABSL_FLAG(std::string, folder, "", "where the scenario's assets and the output lie");

namespace rn {
namespace {

absl::Status Measure() {
  ASSIGN_OR_RETURN(const nlohmann::json answer,
                   MeasureHere({.part = absl::GetFlag(FLAGS_part),
                                .scenario = absl::GetFlag(FLAGS_scenario),
                                .size = {.seconds = absl::GetFlag(FLAGS_seconds),
                                         .rounds = absl::GetFlag(FLAGS_rounds),
                                         .height = absl::GetFlag(FLAGS_height)},
                                .items = absl::GetFlag(FLAGS_items),
                                .shares = absl::GetFlag(FLAGS_shares),
                                .folder = absl::GetFlag(FLAGS_folder)}));
  return WriteFileDurably(absl::GetFlag(FLAGS_out), answer.dump());
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunProgram(argc, argv, "bench_part", rn::Measure);
}
