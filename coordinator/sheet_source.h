// Where sheets live: the seam, and who answers which id.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "catalog/sheet.h"

namespace rn {

// InvalidArgument unless `sheet_id` is 1 to 128 letters, digits, "-" and "_", as Google's are.
absl::Status CheckSheetId(absl::string_view sheet_id);

// The seam to where sheets live. Thread-safe.
class SheetSource {
 public:
  virtual ~SheetSource() = default;

  // A sheet of this tenant's. May block on a disk or a network. NotFound: no such sheet or tab;
  // PermissionDenied: it is not shared with us, and what to do; InvalidArgument: what it holds is
  // unusable, with row and column; Unavailable, DeadlineExceeded, ResourceExhausted: worth another
  // try. Messages are fit for clients, but for those of Internal.
  virtual absl::StatusOr<Sheet> Read(const std::string& tenant,
                                     absl::string_view sheet_id,
                                     const SheetRange& range) = 0;
};

enum class SheetsFrom { kFolder, kGoogle };

// Ids that begin so are the folder's, whatever else a tenant reads.
inline constexpr absl::string_view kFileSheetPrefix = "file_";

struct SheetRouting {
  SheetsFrom everybody = SheetsFrom::kFolder;
  std::map<std::string, SheetsFrom> tenants;  // Instead, for those named.

  SheetsFrom Of(const std::string& tenant, absl::string_view sheet_id) const;
};

// Asks one source, by tenant and id alone: what that one does not have, no other is asked for.
class RoutedSheetSource final : public SheetSource {
 public:
  // The sources outlive us. `google` may be null where `routing` never leads there.
  RoutedSheetSource(SheetSource& folder, SheetSource* google, SheetRouting routing);

  absl::StatusOr<Sheet> Read(const std::string& tenant,
                             absl::string_view sheet_id,
                             const SheetRange& range) override;

 private:
  SheetSource& folder_;
  SheetSource* const google_;
  const SheetRouting routing_;
};

}  // namespace rn
