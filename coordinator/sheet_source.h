// Where sheets live: the seam, and a folder of CSV files.
#pragma once

#include <cstdint>
#include <filesystem>
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
  // PermissionDenied: it is not shared with us; InvalidArgument: what it holds is unusable, with
  // row and column; Unavailable and DeadlineExceeded: worth another try.
  virtual absl::StatusOr<Sheet> Read(const std::string& tenant,
                                     absl::string_view sheet_id,
                                     const SheetRange& range) = 0;
};

// A folder for each tenant of `<tenant>/<sheet_id>.csv` files: RFC 4180 quoting, UTF-8 with or
// without a byte order mark, LF or CR LF. A tab named in the range is `<sheet_id>/<tab>.csv`;
// "Sheet" and "Sheet1" also name `<sheet_id>.csv` itself.
class CsvSheetSource : public SheetSource {
 public:
  explicit CsvSheetSource(std::filesystem::path folder, std::int64_t file_bytes_max = 64 << 20);

  absl::StatusOr<Sheet> Read(const std::string& tenant,
                             absl::string_view sheet_id,
                             const SheetRange& range) override;

 private:
  const std::filesystem::path folder_;
  const std::int64_t file_bytes_max_;
};

}  // namespace rn
