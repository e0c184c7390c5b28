#include "coordinator/sheet_source.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kSheetIdCharsMax = 128;

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

SheetsFrom SheetRouting::Of(const std::string& tenant, absl::string_view sheet_id) const {
  if (absl::StartsWith(sheet_id, kFileSheetPrefix)) {
    return SheetsFrom::kFolder;
  }
  const auto own = tenants.find(tenant);
  return own == tenants.end() ? everybody : own->second;
}

RoutedSheetSource::RoutedSheetSource(SheetSource& folder, SheetSource* google, SheetRouting routing)
    : folder_(folder), google_(google), routing_(std::move(routing)) {}

absl::StatusOr<Sheet> RoutedSheetSource::Read(const std::string& tenant,
                                              absl::string_view sheet_id,
                                              const SheetRange& range) {
  switch (routing_.Of(tenant, sheet_id)) {
    case SheetsFrom::kFolder:
      return folder_.Read(tenant, sheet_id, range);
    case SheetsFrom::kGoogle:
      CHECK(google_ != nullptr);
      return google_->Read(tenant, sheet_id, range);
  }
  return absl::InternalError("no such source of sheets");
}

}  // namespace rn
