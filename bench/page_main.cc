// Writes a benchmark's figures into a document, and its charts into the folder beside it that has
// the document's name.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/page.h"

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
  try {
    absl::ParseCommandLine(argc, argv);
    const absl::Status status = rn::Write();
    if (status.ok()) return EXIT_SUCCESS;
    std::fprintf(stderr, "bench_page: %s\n", status.ToString().c_str());
  } catch (const std::exception& error) {  // A file system's.
    std::fprintf(stderr, "bench_page: %s\n", error.what());
  }
  return EXIT_FAILURE;
}
