// Comma-separated values as RFC 4180 has them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

struct CsvLimits {
  int first_row = 1;  // From 1; earlier rows are read past.
  int last_row = 1;
  int columns_max = 1;  // Further cells are dropped.
  int cell_bytes_max = 1;
};

// The records first_row … last_row, a missing one at the end left out. UTF-8, with or without a
// byte order mark, or UTF-16 with one; records end at LF or CR LF. Cells are separated by what a
// first line as "sep=;" says, which is no record then; else by commas, or, where the first record
// holds none, by tabs or semicolons. InvalidArgument, with row and column: a quote that never
// closes, text after a closing quote, a cell above the limit, text that is not UTF-8 or holds a
// NUL.
absl::StatusOr<std::vector<std::vector<std::string>>> ParseCsv(absl::string_view text,
                                                               const CsvLimits& limits);

bool IsUtf8(absl::string_view text);

// How spreadsheets name columns: "A" … "Z", "AA" …; `column` from 1.
std::string ColumnLetters(int column);

}  // namespace rn
