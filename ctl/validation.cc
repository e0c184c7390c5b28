#include "ctl/validation.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace rn {
namespace {

// Binding wants a path for every file; whether it can be decoded shows when it is rendered.
std::map<std::string, std::string> PathsOf(const rendernode::JobSpec& job,
                                           const rendernode::ItemSpec& item) {
  std::map<std::string, std::string> paths;
  for (const auto* assets : {&job.assets(), &item.assets()}) {
    for (const rendernode::Asset& asset : *assets) {
      paths[asset.name()] = asset.url();
    }
  }
  return paths;
}

absl::Status CheckRow(const LocalJob& job,
                      const Sheet& sheet,
                      const SheetRow& row,
                      const std::filesystem::path& folder) {
  const auto number = static_cast<std::uint32_t>(row.number);
  ASSIGN_OR_RETURN(const rendernode::ItemSpec item, job.Item(number, sheet.ValuesOf(row), folder));
  return job.parsed().Bind({job.spec(), item, PathsOf(job.spec(), item)}).status();
}

}  // namespace

absl::StatusOr<std::string> Validate(const LocalJobArgs& args,
                                     const std::filesystem::path& sheet_file) {
  ASSIGN_OR_RETURN(const LocalJob job, LocalJob::Open(args));
  std::string summary = absl::StrCat(
      job.spec().template_id(), ": valid, ", job.parsed().variables().size(), " variables");
  if (sheet_file.empty()) {
    return summary;
  }
  ASSIGN_OR_RETURN(const Sheet sheet, ReadSheetFile(sheet_file));
  std::vector<std::string> mistakes;
  const auto note = [&](const absl::Status& status) {
    if (!status.ok()) mistakes.emplace_back(status.message());
  };
  note(job.CheckColumns(sheet.variables, sheet_file.string()));
  for (const SheetRow& row : sheet.rows) {
    note(CheckRow(job, sheet, row, sheet_file.parent_path()));
  }
  if (!mistakes.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(mistakes, "\n"));
  }
  absl::StrAppend(&summary, "\n", sheet_file.string(), ": ", sheet.rows.size(), " rows fit it");
  for (const std::string& warning : sheet.warnings) {
    absl::StrAppend(&summary, "\n  ", warning);
  }
  return summary;
}

}  // namespace rn
