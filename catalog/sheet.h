// Rows as a spreadsheet has them: a range, its header row, what each column fills.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

inline constexpr int kSheetRowsMax = 10'000;   // Data rows of one job.
inline constexpr int kSheetRowsLarge = 1'000;  // Above: a warning.
inline constexpr int kSheetColumnsMax = 702;   // "ZZ".
inline constexpr int kSheetCellBytesMax = 50'000;
inline constexpr std::int64_t kSheetCellsMax = 1'000'000;  // Rows times columns.

// "A1:Z100" or "Sheet!A1:Z100" ("'My tab'!A1:Z100" where the tab's name has blanks). Rows and
// columns count from 1; the range begins at column A, where titles are.
struct SheetRange {
  std::string tab;  // Empty: the first.
  int first_row = 1;
  int last_row = 1;
  int last_column = 1;

  // InvalidArgument says what is wrong with `text` and what a range looks like.
  static absl::StatusOr<SheetRange> Parse(absl::string_view text);
};

struct SheetRow {
  int number = 0;                  // As the sheet numbers it.
  std::vector<std::string> cells;  // As many as Sheet::columns; blanks around the text are gone.
};

// Column A is the title, B the script, C the image's URL. A first row, empty ones aside, of words
// such as "title" and "script" is a header; it names what further columns hold. Without one those
// are not variables.
struct Sheet {
  std::vector<std::string> columns;    // Letters, to the last one used, at least to C.
  std::vector<std::string> variables;  // What each column fills: "title", "script", "image_url",
                                       // then header names ("Call to action" → "call_to_action");
                                       // empty: nothing.
  std::vector<SheetRow> rows;          // Without header and empty rows.
  int empty_rows = 0;
  std::vector<std::string> warnings;  // For people.

  // What `row` says, by the variables that it fills; empty cells say nothing.
  std::map<std::string, std::string> ValuesOf(const SheetRow& row) const;

  // The first cell of `row` that fills something and shows an error of a spreadsheet's instead of a
  // value, as "cell B7 shows the error #REF!".
  std::optional<std::string> ErrorIn(const SheetRow& row) const;
};

// "B7"; both from 1.
std::string CellName(int row, int column);

// What no source lets pass. InvalidArgument, naming the cell: longer than kSheetCellBytesMax, or
// with a NUL inside.
absl::Status CheckCell(absl::string_view text, int row, int column);

// `rows` as they stand in the range, the first being row `range.first_row`: finds the header,
// drops empty rows, counts and checks. Shared by every source.
absl::StatusOr<Sheet> ArrangeSheet(std::vector<std::vector<std::string>> rows,
                                   const SheetRange& range);

// The range of a sheet that is a file of comma-separated values. Errors as ParseCsv and
// ArrangeSheet.
absl::StatusOr<Sheet> SheetFromCsv(absl::string_view text, const SheetRange& range);

}  // namespace rn
