#include "ctl/local_row.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "ctl/http.h"

namespace rn {
namespace {

namespace fs = std::filesystem;

struct Row {
  int number = 1;
  std::map<std::string, std::string> values;
};

absl::StatusOr<Row> RowOfSheet(const LocalRowArgs& args, const LocalJob& job) {
  ASSIGN_OR_RETURN(const Sheet sheet, ReadSheetFile(args.sheet));
  RETURN_IF_ERROR(job.CheckColumns(sheet.variables, args.sheet.string()));
  if (sheet.rows.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(args.sheet.string(), ": it has no rows"));
  }
  for (const SheetRow& row : sheet.rows) {
    if (row.number == args.row) return Row{row.number, sheet.ValuesOf(row)};
  }
  return absl::InvalidArgumentError(absl::StrCat("--row ",
                                                 args.row,
                                                 ": ",
                                                 args.sheet.string(),
                                                 " has its rows from ",
                                                 sheet.rows.front().number,
                                                 " to ",
                                                 sheet.rows.back().number));
}

}  // namespace

absl::StatusOr<rendernode::ItemSpec> ItemOf(const LocalRowArgs& args,
                                            const LocalJob& job,
                                            const std::map<std::string, std::string>& samples) {
  if (args.sheet.empty() != (args.row == 0)) {
    return absl::InvalidArgumentError("--row and --sheet go together: --row 2 --sheet rows.csv");
  }
  Row row;
  fs::path folder = fs::current_path();
  if (!args.sheet.empty()) {
    ASSIGN_OR_RETURN(row, RowOfSheet(args, job));
    folder = fs::absolute(args.sheet).parent_path();
  }
  ASSIGN_OR_RETURN(const auto set, ParseAssignments(args.values, "--set"));
  std::vector<std::string> names;
  for (const auto& [name, value] : set) {
    names.push_back(name);
    // A path on the command line counts from where one stands, not from the sheet.
    const bool relative = !absl::StrContains(value, "://") && job.NamesFile(name);
    row.values[name] = relative ? fs::absolute(value).string() : value;
  }
  RETURN_IF_ERROR(job.CheckColumns(names, "--set"));
  row.values.insert(samples.begin(), samples.end());
  return job.Item(static_cast<std::uint32_t>(row.number), std::move(row.values), folder);
}

absl::StatusOr<std::map<std::string, std::string>> Gather(const rendernode::JobSpec& job,
                                                          const rendernode::ItemSpec& item,
                                                          const fs::path& folder) {
  std::map<std::string, std::string> paths;
  for (const auto* assets : {&job.assets(), &item.assets()}) {
    for (const rendernode::Asset& asset : *assets) {
      std::string path = LocalPathOf(asset.url());
      if (path.empty()) {
        path = (folder / absl::StrCat("asset-", paths.size())).string();
        RETURN_IF_ERROR(Annotate(Download(asset.url(), path), asset.name()));
      }
      paths[asset.name()] = std::move(path);
    }
  }
  return paths;
}

}  // namespace rn
