// How a workbook shows a number: "1,234.50", "25%", "29 Nov 2026", "14:30".
//
// Source: ECMA-376 part 1, 18.8.30 (numFmt) and 18.8.31.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rn {

// Immutable, cheap to copy. Names of months and days are English. What follows the reader's own
// settings in a spreadsheet program (the "short date") is written as ISO 8601; a format that is not
// understood (fractions, conditions, other calendars) is as no format at all.
class NumberFormat {
 public:
  NumberFormat();  // "General": the number, in up to 15 digits.

  // Of the format's own text, "#,##0.00"; of one of those that have a number only, 0 to 163.
  static NumberFormat OfCode(absl::string_view code);
  static NumberFormat BuiltIn(int id);

  // `value` is finite. `since_1904`: in this workbook days are counted from 1904-01-01 on, not from
  // 1900.
  std::string Show(double value, bool since_1904) const;

 private:
  struct Section;
  explicit NumberFormat(std::shared_ptr<const std::vector<Section>> sections)
      : sections_(std::move(sections)) {}

  std::shared_ptr<const std::vector<Section>> sections_;  // Null: General.
};

}  // namespace rn
