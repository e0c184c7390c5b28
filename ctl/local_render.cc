#include "ctl/local_render.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "ctl/http.h"
#include "hwaccel/device.h"
#include "pipeline/speech.h"

namespace rn {
namespace {

namespace fs = std::filesystem;

struct Row {
  int number = 1;
  std::map<std::string, std::string> values;
};

absl::StatusOr<Row> RowOfSheet(const LocalRenderArgs& args, const LocalJob& job) {
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

absl::StatusOr<rendernode::ItemSpec> ItemOf(const LocalRenderArgs& args, const LocalJob& job) {
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
  return job.Item(static_cast<std::uint32_t>(row.number), std::move(row.values), folder);
}

// Local paths of everything that the row needs; what must be fetched goes into `folder`.
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

// The finished files to where they were wanted, the video last: who sees it sees them all.
absl::Status Deliver(const fs::path& output, rendernode::ItemResult& result) {
  for (int i = result.artifacts_size() - 1; i >= 0; --i) {
    rendernode::Artifact& artifact = *result.mutable_artifacts(i);
    fs::path target = output;
    if (artifact.type() != rendernode::Artifact::VIDEO) {
      target.replace_extension(artifact.format());
    }
    std::error_code error;
    fs::rename(artifact.path(), target, error);
    if (error) return ErrnoStatus(error.value(), target.string());
    artifact.set_path(target.string());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<rendernode::ItemResult> RenderHere(
    const LocalRenderArgs& args,
    Clock& clock,
    absl::FunctionRef<void(const RenderProgress&)> progress) {
  if (args.output.extension() != ".mp4") {
    return absl::InvalidArgumentError(
        absl::StrCat("-o ", args.output.string(), ": the video is an .mp4 file"));
  }
  ASSIGN_OR_RETURN(const LocalJob job, LocalJob::Open(args.job));
  ASSIGN_OR_RETURN(const rendernode::ItemSpec item, ItemOf(args, job));
  const fs::path folder = fs::absolute(args.output).parent_path();
  RETURN_IF_ERROR(CreateDirectories(folder));
  // On the same file system, so that the files can be renamed into place.
  ASSIGN_OR_RETURN(const TempDir work, TempDir::Create(".rendernode-", folder));
  ASSIGN_OR_RETURN(const auto paths, Gather(job.spec(), item, work.path()));

  const DeviceList devices = DeviceList::Discover();
  SpeechEngines speech = SpeechEngines::BuiltIn();
  const RenderContext context{devices, speech, clock, args.encoder_threads};
  ASSIGN_OR_RETURN(rendernode::ItemResult result,
                   Render({job.spec(), item, paths, work.path()}, context, progress));
  RETURN_IF_ERROR(Deliver(args.output, result));
  return result;
}

}  // namespace rn
