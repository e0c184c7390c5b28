#include "catalog/sheet.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "catalog/csv.h"

namespace rn {
namespace {

constexpr int kImageColumn = 2;
constexpr int kNamedColumns = 3;  // Those with a fixed meaning.
constexpr const char* kNamedVariables[kNamedColumns] = {"title", "script", "image_url"};

using Cells = std::vector<std::string>;

// "Call to action " → "call_to_action".
std::string VariableName(absl::string_view header) {
  std::string name;
  for (const char c : header) {
    const bool letter = absl::ascii_isalnum(c) || static_cast<unsigned char>(c) >= 0x80;
    if (letter) {
      name.push_back(absl::ascii_tolower(c));
    } else if (!name.empty() && name.back() != '_') {
      name.push_back('_');
    }
  }
  while (!name.empty() && name.back() == '_') {
    name.pop_back();
  }
  return name;
}

// Which of the named columns a header cell speaks of.
std::optional<int> RoleOf(absl::string_view cell) {
  static const std::set<std::string> words[kNamedColumns] = {
      {"title", "name", "headline", "heading"},
      {"script", "text", "narration", "voiceover", "voice_over", "copy"},
      {"image", "image_url", "imageurl", "image_link", "picture", "photo", "img", "url"}};
  const std::string name = VariableName(cell);
  for (int role = 0; role < kNamedColumns; ++role) {
    if (words[role].count(name) > 0) {
      return role;
    }
  }
  return std::nullopt;
}

bool LooksLikeUrl(absl::string_view cell) {
  return absl::StrContains(cell, "://");
}

absl::string_view CellAt(const Cells& row, int column) {
  return column < static_cast<int>(row.size()) ? absl::string_view(row[column]) : "";
}

bool IsEmpty(const Cells& row) {
  return std::all_of(row.begin(), row.end(), [](const std::string& cell) { return cell.empty(); });
}

// Two of the three usual words; or, in any language, a word where the next row has a URL. `first`
// is the first row that is not empty.
bool IsHeader(const std::vector<Cells>& rows, std::vector<Cells>::const_iterator first) {
  int words = 0;
  for (int column = 0; column < kNamedColumns; ++column) {
    words += RoleOf(CellAt(*first, column)).has_value() ? 1 : 0;
  }
  if (words >= 2) {
    return true;
  }
  const auto next = std::find_if_not(first + 1, rows.end(), IsEmpty);
  return next != rows.end() && !CellAt(*first, kImageColumn).empty() &&
         !LooksLikeUrl(CellAt(*first, kImageColumn)) && LooksLikeUrl(CellAt(*next, kImageColumn));
}

// The header's place in `rows`.
std::optional<std::size_t> FindHeader(const std::vector<Cells>& rows) {
  const auto first = std::find_if_not(rows.begin(), rows.end(), IsEmpty);
  return first != rows.end() && IsHeader(rows, first)
             ? std::make_optional(static_cast<std::size_t>(first - rows.begin()))
             : std::nullopt;
}

// What spreadsheet programs show where a formula has no value.
bool IsErrorValue(absl::string_view cell) {
  static const std::set<absl::string_view> values = {"#BLOCKED!",
                                                     "#CALC!",
                                                     "#CONNECT!",
                                                     "#DIV/0!",
                                                     "#ERROR!",
                                                     "#FIELD!",
                                                     "#GETTING_DATA",
                                                     "#N/A",
                                                     "#NAME?",
                                                     "#NULL!",
                                                     "#NUM!",
                                                     "#REF!",
                                                     "#SPILL!",
                                                     "#UNKNOWN!",
                                                     "#VALUE!"};
  return absl::StartsWith(cell, "#") && values.count(cell) > 0;
}

void TrimCells(std::vector<Cells>& rows) {
  for (Cells& row : rows) {
    for (std::string& cell : row) {
      absl::StripAsciiWhitespace(&cell);
    }
  }
}

int ColumnsUsed(const std::vector<Cells>& rows, const SheetRange& range) {
  int used = kNamedColumns;
  for (const Cells& row : rows) {
    for (int column = used; column < static_cast<int>(row.size()); ++column) {
      used = row[column].empty() ? used : column + 1;
    }
  }
  return std::min(used, range.last_column);
}

// Cells before `column` are the positional ones; a header there only earns a warning when it says
// something else.
void WarnOfMisplaced(const Cells& header, Sheet& sheet) {
  for (int column = 0; column < std::min(kNamedColumns, static_cast<int>(sheet.columns.size()));
       ++column) {
    const std::optional<int> role = RoleOf(CellAt(header, column));
    if (role.has_value() && *role != column) {
      sheet.warnings.push_back(absl::StrCat("column ",
                                            sheet.columns[column],
                                            " is read as ",
                                            kNamedVariables[column],
                                            " although its header says \"",
                                            CellAt(header, column),
                                            "\""));
    }
  }
}

absl::Status NameVariables(const std::optional<Cells>& header, Sheet& sheet) {
  const int columns = static_cast<int>(sheet.columns.size());
  std::set<std::string> taken;
  for (int column = 0; column < columns; ++column) {
    std::string name;
    if (column < kNamedColumns) {
      name = kNamedVariables[column];
    } else if (header.has_value() && !absl::StartsWith(CellAt(*header, column), "#")) {
      name = VariableName(CellAt(*header, column));
    }
    if (!name.empty() && !taken.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "column ", sheet.columns[column], ": an earlier column is already named \"", name, "\""));
    }
    sheet.variables.push_back(std::move(name));
  }
  return absl::OkStatus();
}

void WarnOfUnnamed(const std::optional<Cells>& header, Sheet& sheet) {
  for (std::size_t column = kNamedColumns; column < sheet.columns.size(); ++column) {
    const bool commented =
        header.has_value() && absl::StartsWith(CellAt(*header, static_cast<int>(column)), "#");
    if (sheet.variables[column].empty() && !commented) {
      sheet.warnings.push_back(absl::StrCat(
          "column ", sheet.columns[column], " is not used: it has no name in a header row"));
    }
  }
}

absl::Status TakeRows(std::vector<Cells> rows,
                      std::optional<std::size_t> header,
                      const SheetRange& range,
                      Sheet& sheet) {
  const auto full = static_cast<std::int64_t>(
      std::count_if(rows.begin(), rows.end(), [](const Cells& row) { return !IsEmpty(row); }));
  const auto columns = static_cast<std::int64_t>(sheet.columns.size());
  if (full * columns > kSheetCellsMax) {
    return absl::InvalidArgumentError(absl::StrCat("the range holds ",
                                                   full,
                                                   " rows of ",
                                                   columns,
                                                   " columns; at most ",
                                                   kSheetCellsMax,
                                                   " cells"));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == header) {
      continue;
    }
    if (IsEmpty(rows[i])) {
      ++sheet.empty_rows;
      continue;
    }
    rows[i].resize(sheet.columns.size());
    sheet.rows.push_back(
        {.number = range.first_row + static_cast<int>(i), .cells = std::move(rows[i])});
  }
  if (sheet.rows.size() > kSheetRowsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the range holds ", sheet.rows.size(), " rows; at most ", kSheetRowsMax, " a job"));
  }
  return absl::OkStatus();
}

void WarnOfErrors(Sheet& sheet) {
  std::size_t rows = 0;
  std::string first;
  for (const SheetRow& row : sheet.rows) {
    if (std::optional<std::string> error = sheet.ErrorIn(row); error.has_value()) {
      first = rows++ == 0 ? *std::move(error) : first;
    }
  }
  if (rows > 0) {
    sheet.warnings.push_back(absl::StrCat(
        first, rows == 1 ? "" : absl::StrCat(", and so do others in ", rows - 1, " more rows")));
  }
}

void WarnOfRows(Sheet& sheet) {
  if (sheet.empty_rows > 0) {
    sheet.warnings.push_back(absl::StrCat(sheet.empty_rows,
                                          sheet.empty_rows == 1 ? " empty row" : " empty rows",
                                          " will be skipped"));
  }
  if (sheet.rows.size() > kSheetRowsLarge) {
    sheet.warnings.push_back(
        absl::StrCat(sheet.rows.size(), " rows may take extended processing time"));
  }
}

// "A1" → column 1, row 1; consumed from the front of `text`.
std::optional<std::pair<int, int>> TakeCell(absl::string_view* text) {
  int column = 0;
  std::size_t used = 0;
  while (used < text->size() && absl::ascii_isalpha((*text)[used]) && column <= kSheetColumnsMax) {
    column = column * 26 + (absl::ascii_toupper((*text)[used]) - 'A' + 1);
    ++used;
  }
  const std::size_t digits = used;
  while (used < text->size() && absl::ascii_isdigit((*text)[used])) {
    ++used;
  }
  int row = 0;
  const bool good = column > 0 && absl::SimpleAtoi(text->substr(digits, used - digits), &row) &&
                    row > 0 && (*text)[digits] != '0';
  text->remove_prefix(used);
  return good ? std::make_optional(std::make_pair(column, row)) : std::nullopt;
}

// The tab in front of '!', unquoted; `text` is left with what follows. Nothing when badly quoted.
std::optional<std::string> TakeTab(absl::string_view* text) {
  const std::size_t mark = text->rfind('!');
  if (mark == absl::string_view::npos) {
    return "";
  }
  absl::string_view tab = text->substr(0, mark);
  text->remove_prefix(mark + 1);
  if (tab.size() >= 2 && tab.front() == '\'' && tab.back() == '\'') {
    return absl::StrReplaceAll(tab.substr(1, tab.size() - 2), {{"''", "'"}});
  }
  return tab.empty() || absl::StrContains(tab, "'") ? std::nullopt
                                                    : std::make_optional(std::string(tab));
}

absl::Status CheckRange(const SheetRange& range, int first_column) {
  if (first_column != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the range begins at column ",
                     ColumnLetters(first_column),
                     "; it must begin at column A: A is the title, B the script, C the image URL"));
  }
  if (range.last_row < range.first_row) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the range ends at row ", range.last_row, ", before its first row ", range.first_row));
  }
  if (range.last_column < 2 || range.last_column > kSheetColumnsMax) {
    return absl::InvalidArgumentError(absl::StrCat("the range must end at a column between B and ",
                                                   ColumnLetters(kSheetColumnsMax)));
  }
  const int span = range.last_row - range.first_row + 1;
  if (span > kSheetRowsMax + 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the range spans ", span, " rows; at most ", kSheetRowsMax, " and a header row"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SheetRange> SheetRange::Parse(absl::string_view text) {
  const auto misunderstood = [whole = std::string(text)] {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", whole, "\" is not a range; write it as \"A1:Z100\" or \"Sheet!A1:Z100\""));
  };
  SheetRange range;
  std::optional<std::string> tab = TakeTab(&text);
  const auto first = TakeCell(&text);
  if (!tab.has_value() || !first.has_value() || text.empty() || text.front() != ':') {
    return misunderstood();
  }
  text.remove_prefix(1);
  const auto last = TakeCell(&text);
  if (!last.has_value() || !text.empty()) {
    return misunderstood();
  }
  range.tab = *std::move(tab);
  range.first_row = first->second;
  range.last_row = last->second;
  range.last_column = last->first;
  RETURN_IF_ERROR(CheckRange(range, first->first));
  return range;
}

std::string CellName(int row, int column) {
  return absl::StrCat(ColumnLetters(column), row);
}

absl::Status CheckCell(absl::string_view text, int row, int column) {
  if (text.size() > kSheetCellBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("cell ",
                                                   CellName(row, column),
                                                   " is ",
                                                   text.size(),
                                                   " bytes long; at most ",
                                                   kSheetCellBytesMax));
  }
  if (absl::StrContains(text, absl::string_view("\0", 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("cell ", CellName(row, column), " holds a NUL character"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Sheet> ArrangeSheet(std::vector<Cells> rows, const SheetRange& range) {
  TrimCells(rows);
  Sheet sheet;
  const int columns = ColumnsUsed(rows, range);
  for (int column = 1; column <= columns; ++column) {
    sheet.columns.push_back(ColumnLetters(column));
  }
  const std::optional<std::size_t> header_row = FindHeader(rows);
  std::optional<Cells> header;
  if (header_row.has_value()) {
    header = rows[*header_row];
    WarnOfMisplaced(*header, sheet);
  }
  RETURN_IF_ERROR(NameVariables(header, sheet));
  RETURN_IF_ERROR(TakeRows(std::move(rows), header_row, range, sheet));
  WarnOfUnnamed(header, sheet);
  WarnOfErrors(sheet);
  WarnOfRows(sheet);
  return sheet;
}

absl::StatusOr<Sheet> SheetFromCsv(absl::string_view text, const SheetRange& range) {
  ASSIGN_OR_RETURN(std::vector<Cells> rows,
                   ParseCsv(text,
                            {.first_row = range.first_row,
                             .last_row = range.last_row,
                             .columns_max = range.last_column,
                             .cell_bytes_max = kSheetCellBytesMax}));
  return ArrangeSheet(std::move(rows), range);
}

std::map<std::string, std::string> Sheet::ValuesOf(const SheetRow& row) const {
  std::map<std::string, std::string> values;
  for (std::size_t column = 0; column < columns.size(); ++column) {
    if (!variables[column].empty() && !row.cells[column].empty()) {
      values[variables[column]] = row.cells[column];
    }
  }
  return values;
}

std::optional<std::string> Sheet::ErrorIn(const SheetRow& row) const {
  for (std::size_t column = 0; column < columns.size(); ++column) {
    if (!variables[column].empty() && IsErrorValue(row.cells[column])) {
      return absl::StrCat("cell ",
                          CellName(row.number, static_cast<int>(column) + 1),
                          " shows the error ",
                          row.cells[column]);
    }
  }
  return std::nullopt;
}

}  // namespace rn
