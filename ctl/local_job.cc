#include "ctl/local_job.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"
#include "catalog/xlsx.h"
#include "pipeline/text.h"

namespace rn {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kTemplateBytesMax = 1 << 20;
constexpr std::int64_t kSheetBytesMax = 64 << 20;
constexpr absl::string_view kFileScheme = "file://";

struct TemplatePlace {
  fs::path folder;  // With voices, music and assets.
  fs::path file;
  std::string id;
};

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::vector<std::string> TemplateIds(const fs::path& folder) {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() == ".json" && stem != "schema" && stem != "voices") {
      ids.push_back(stem);
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

absl::StatusOr<TemplatePlace> Locate(const LocalJobArgs& args) {
  const fs::path name = args.template_name;
  const bool file = IsFile(name);
  TemplatePlace place;
  place.folder = args.templates;
  if (place.folder.empty() && file && IsFile(name.parent_path() / "voices.json")) {
    place.folder = fs::absolute(name).parent_path();
  }
  if (place.folder.empty()) {
    place.folder = kTemplatesFolder;
  }
  place.file = file ? name : place.folder / (args.template_name + ".json");
  place.id = place.file.stem().string();
  if (file || IsFile(place.file)) {
    return place;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"",
                   args.template_name,
                   "\" is no file, and in ",
                   place.folder.string(),
                   ": ",
                   UnknownName("template", args.template_name, TemplateIds(place.folder))));
}

absl::Status ToStatus(const std::vector<RequestProblem>& problems) {
  return absl::InvalidArgumentError(
      absl::StrJoin(problems, "\n", [](std::string* out, const RequestProblem& problem) {
        absl::StrAppend(out, problem.pointer, ": ", problem.message);
      }));
}

bool IsUrl(absl::string_view value) {
  return absl::StrContains(value, "://");
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ParseAssignments(
    const std::vector<std::string>& assignments, const std::string& option) {
  std::map<std::string, std::string> values;
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(option, " ", assignment, ": write NAME=VALUE, as in style=modern"));
    }
    const std::string name = assignment.substr(0, equals);
    if (!values.emplace(name, assignment.substr(equals + 1)).second) {
      return absl::InvalidArgumentError(absl::StrCat(option, " ", name, ": given twice"));
    }
  }
  return values;
}

absl::StatusOr<Sheet> ReadSheetFile(const fs::path& file) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kSheetBytesMax));
  const SheetRange all = {
      .first_row = 1, .last_row = kSheetRowsMax + 1, .last_column = kSheetColumnsMax};
  auto sheet = LooksLikeXlsx(text) ? SheetFromXlsx(text, all) : SheetFromCsv(text, all);
  return sheet.ok() ? sheet : Annotate(sheet.status(), file.string());
}

std::string LocalPathOf(const std::string& url) {
  absl::string_view path = url;
  return absl::ConsumePrefix(&path, kFileScheme) ? std::string(path) : "";
}

absl::StatusOr<LocalJob> LocalJob::Open(const LocalJobArgs& args) {
  ASSIGN_OR_RETURN(const TemplatePlace place, Locate(args));
  ASSIGN_OR_RETURN(const std::string text, ReadFile(place.file, kTemplateBytesMax));
  auto parsed = Template::Parse(text, &InstalledFontFamilies());
  if (!parsed.ok()) {
    return Annotate(parsed.status(), place.file.string());
  }
  ASSIGN_OR_RETURN(Catalog catalog, Catalog::Load({.folder = place.folder}));
  ASSIGN_OR_RETURN(const std::string id, catalog.AddTemplate(place.file));
  JobRequest request{.job_id = "job_local",
                     .template_id = id,
                     .resolution = args.resolution,
                     .aspect_ratio = args.aspect_ratio};
  ASSIGN_OR_RETURN(request.overrides, ParseAssignments(args.overrides, "--override"));
  std::vector<RequestProblem> problems;
  auto spec = catalog.BuildJobSpec(request, &problems);
  if (!spec.has_value()) {
    return ToStatus(problems);
  }
  return LocalJob(std::move(catalog), *std::move(parsed), *std::move(spec));
}

absl::Status LocalJob::CheckColumns(const std::vector<std::string>& columns,
                                    const std::string& where) const {
  std::vector<RequestProblem> problems;
  catalog_.CheckColumns(spec_.template_id(), columns, &problems);
  for (RequestProblem& problem : problems) {
    problem.pointer = where;
  }
  return problems.empty() ? absl::OkStatus() : ToStatus(problems);
}

bool LocalJob::NamesFile(const std::string& variable) const {
  const auto found = template_.variables().find(variable);
  if (found == template_.variables().end()) return false;
  const VariableType type = found->second.type;
  return type == VariableType::kImage || type == VariableType::kVideo ||
         type == VariableType::kAudio || type == VariableType::kSubtitles;
}

absl::StatusOr<rendernode::ItemSpec> LocalJob::Item(std::uint32_t row,
                                                    std::map<std::string, std::string> values,
                                                    const fs::path& folder) const {
  std::vector<std::string> absent;
  for (auto& entry : values) {
    const std::string& name = entry.first;
    std::string& value = entry.second;
    if (value.empty() || !NamesFile(name)) continue;
    if (!IsUrl(value)) {
      value = absl::StrCat(kFileScheme, fs::absolute(folder / value).lexically_normal().string());
    }
    if (const std::string path = LocalPathOf(value); !path.empty() && !IsFile(path)) {
      absent.push_back(absl::StrCat("row ", row, ": ", name, ": there is no file ", path));
    }
  }
  auto item = catalog_.BuildItemSpec(spec_, row, values);
  if (!item.ok()) {
    absent.insert(absent.begin(), std::string(item.status().message()));
  }
  if (!absent.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(absent, "\n"));
  }
  return item;
}

}  // namespace rn
