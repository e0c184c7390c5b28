#include "coordinator/sheet_source.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "catalog/csv.h"
#include "coordinator/auth.h"

namespace rn {
namespace {

constexpr std::size_t kSheetIdCharsMax = 128;
constexpr std::size_t kTabCharsMax = 100;  // As in Google Sheets.

bool ValidTab(absl::string_view tab) {
  return tab.size() <= kTabCharsMax && tab.find_first_of("/\\") == absl::string_view::npos &&
         !absl::StartsWith(tab, ".") && IsUtf8(tab) &&
         std::none_of(tab.begin(), tab.end(), absl::ascii_iscntrl);
}

}  // namespace

absl::Status CheckSheetId(absl::string_view sheet_id) {
  const bool valid = !sheet_id.empty() && sheet_id.size() <= kSheetIdCharsMax &&
                     std::all_of(sheet_id.begin(), sheet_id.end(), [](char c) {
                       return absl::ascii_isalnum(c) || c == '-' || c == '_';
                     });
  return valid ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat(
                     "must be 1 to ", kSheetIdCharsMax, " letters, digits, \"-\" and \"_\""));
}

CsvSheetSource::CsvSheetSource(std::filesystem::path folder, std::int64_t file_bytes_max)
    : folder_(std::move(folder)), file_bytes_max_(file_bytes_max) {}

absl::StatusOr<Sheet> CsvSheetSource::Read(const std::string& tenant,
                                           absl::string_view sheet_id,
                                           const SheetRange& range) {
  RETURN_IF_ERROR(CheckTenantName(tenant));
  RETURN_IF_ERROR(Annotate(CheckSheetId(sheet_id), "sheet_id"));
  if (!ValidTab(range.tab)) {
    return absl::InvalidArgumentError("the range names a tab that cannot exist");
  }
  const std::filesystem::path folder = folder_ / tenant;
  const std::string id(sheet_id);
  absl::StatusOr<std::string> text = absl::NotFoundError("");
  if (!range.tab.empty()) {
    text = ReadFile(folder / id / (range.tab + ".csv"), file_bytes_max_);
  }
  const bool first_tab = range.tab.empty() || range.tab == "Sheet" || range.tab == "Sheet1";
  if (absl::IsNotFound(text.status()) && first_tab) {
    text = ReadFile(folder / (id + ".csv"), file_bytes_max_);
  }
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        first_tab ? absl::StrCat("there is no sheet \"", id, "\"")
                  : absl::StrCat("sheet \"", id, "\" has no tab \"", range.tab, "\""));
  }
  if (absl::IsResourceExhausted(text.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat("sheet \"", id, "\" is larger than ", file_bytes_max_, " bytes"));
  }
  RETURN_IF_ERROR(Annotate(text.status(), absl::StrCat("sheet \"", id, "\"")));
  return SheetFromCsv(*text, range);
}

}  // namespace rn
