// Writes a benchmark's figures into a document, and its charts into the folder beside it that has
// the document's name.
#include <string>

#include "absl/flags/flag.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/page.h"
#include "bench/program.h"

ABSL_FLAG(std::string, rows, "out/bench/render.json", "what was measured");
ABSL_FLAG(std::string, page, "docs/performance.md", "the document");

namespace rn {
namespace {

absl::Status Write() {
  constexpr std::int64_t kBytesMax = 4 << 20;
  ASSIGN_OR_RETURN(const std::vector<BenchRow> rows, ReadRows(absl::GetFlag(FLAGS_rows)));
  const std::filesystem::path page = absl::GetFlag(FLAGS_page);
  ASSIGN_OR_RETURN(const std::string before, ReadFile(page, kBytesMax));
  ASSIGN_OR_RETURN(const std::string after, FillPage(before, rows));
  const std::filesystem::path folder = page.parent_path() / page.stem();
  RETURN_IF_ERROR(CreateDirectories(folder));
  for (const auto& [name, svg] : Charts(rows)) {
    RETURN_IF_ERROR(WriteFileDurably(folder / name, svg));
  }
  return WriteFileDurably(page, after);
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunProgram(argc, argv, "bench_page", rn::Write);
}
