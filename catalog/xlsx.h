// Excel workbooks, .xlsx: the cells of a tab, as the workbook shows them.
//
// Source: ECMA-376, parts 1 (SpreadsheetML) and 2 (packages).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "catalog/sheet.h"
#include "catalog/zip_archive.h"

namespace rn {

struct XlsxLimits {
  ZipLimits zip = {.expanded_bytes_max = 128 << 20};
  int shared_strings_max = 1'000'000;
  int formats_max = 65'536;
  int tabs_max = 10'000;
};

// Whether a file begins as a workbook does, and not as text.
bool LooksLikeXlsx(absl::string_view bytes);

// The range of a tab; no tab is the first one that shows, and so is "Sheet" or "Sheet1" where no
// tab is called so. Dates and numbers are written as their formats show them (number_format.h),
// formulas by the values that were saved with them.
//   NotFound         there is no such tab; names those that there are
//   InvalidArgument  no workbook, a damaged one, one beyond the limits; a formula that was never
//                    calculated: names its cell
// Else as ArrangeSheet.
absl::StatusOr<Sheet> SheetFromXlsx(absl::string_view bytes,
                                    const SheetRange& range,
                                    const XlsxLimits& limits = {});

}  // namespace rn
