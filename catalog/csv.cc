#include "catalog/csv.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace rn {
namespace {

// Length of the well-formed UTF-8 sequence at the front of `text`; 0 when there is none.
std::size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto trails = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (i >= text.size() || (byte(i) & 0xC0) != 0x80) {
        return false;
      }
    }
    return true;
  };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return trails(1, 2) ? 2 : 0;
  }
  if (lead >= 0xE0 && lead <= 0xEF && trails(1, 3)) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
    return overlong || surrogate ? 0 : 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && trails(1, 4)) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) >= 0x90;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

void AppendUtf8(std::uint32_t point, std::string& text) {
  const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
    put(0x80 | (point >> 6 & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

// `text` begins with a byte order mark.
absl::StatusOr<std::string> FromUtf16(absl::string_view text) {
  const std::size_t low = text.front() == '\xFF' ? 0 : 1;  // Where a unit's low byte stands.
  const auto unit = [&](std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<std::uint8_t>(text[at + low])) |
           static_cast<std::uint32_t>(static_cast<std::uint8_t>(text[at + 1 - low])) << 8;
  };
  std::string converted;
  converted.reserve(text.size());
  for (std::size_t at = 2; at < text.size(); at += 2) {
    const bool whole = at + 1 < text.size();
    std::uint32_t point = whole ? unit(at) : 0xD800;
    if (point >= 0xD800 && point < 0xDC00 && at + 3 < text.size() && unit(at + 2) >= 0xDC00 &&
        unit(at + 2) < 0xE000) {
      point = 0x10000 + ((point - 0xD800) << 10) + (unit(at + 2) - 0xDC00);
      at += 2;
    } else if (point >= 0xD800 && point < 0xE000) {
      return absl::InvalidArgumentError(
          "the text begins as UTF-16 and is none; save the sheet as \"CSV UTF-8\"");
    }
    AppendUtf8(point, converted);
  }
  return converted;
}

// What a line "sep=;" names, which is then taken off; else what the first record suggests.
char TakeSeparator(absl::string_view* text) {
  absl::string_view rest = *text;
  if (absl::ConsumePrefix(&rest, "sep=") && !rest.empty() &&
      absl::StrContains(",;\t|", rest.substr(0, 1))) {
    const char separator = rest.front();
    rest.remove_prefix(1);
    absl::ConsumePrefix(&rest, "\r");
    if (absl::ConsumePrefix(&rest, "\n")) {
      *text = rest;
      return separator;
    }
  }
  bool quoted = false, tabs = false, semicolons = false;
  for (const char c : *text) {
    quoted = quoted != (c == '"');
    if (quoted) {
      continue;
    }
    if (c == ',') {
      return ',';
    }
    if (c == '\r' || c == '\n') {
      break;
    }
    tabs = tabs || c == '\t';
    semicolons = semicolons || c == ';';
  }
  return tabs ? '\t' : semicolons ? ';' : ',';
}

class Parser {
 public:
  Parser(absl::string_view text, char separator, const CsvLimits& limits)
      : rest_(text), separator_(separator), ends_({separator, '\r', '\n'}), limits_(limits) {}

  absl::StatusOr<std::vector<std::vector<std::string>>> Parse() {
    std::vector<std::vector<std::string>> records;
    for (row_ = 1; row_ <= limits_.last_row && !rest_.empty(); ++row_) {
      std::vector<std::string> record;
      RETURN_IF_ERROR(ReadRecord(record));
      if (row_ >= limits_.first_row) {
        records.push_back(std::move(record));
      }
    }
    return records;
  }

 private:
  absl::Status ReadRecord(std::vector<std::string>& record) {
    for (column_ = 1;; ++column_) {
      std::string cell;
      RETURN_IF_ERROR(ReadCell(cell));
      if (column_ <= limits_.columns_max && row_ >= limits_.first_row) {
        RETURN_IF_ERROR(Check(cell));
        record.push_back(std::move(cell));
      }
      if (rest_.empty() || rest_.front() != separator_) {
        break;
      }
      rest_.remove_prefix(1);
    }
    // What stopped the cell is the record's end; a lone CR is an end too (old Macs).
    absl::ConsumePrefix(&rest_, "\r");
    absl::ConsumePrefix(&rest_, "\n");
    return absl::OkStatus();
  }

  absl::Status ReadCell(std::string& cell) {
    if (absl::ConsumePrefix(&rest_, "\"")) {
      return ReadQuoted(cell);
    }
    const std::size_t end = std::min(rest_.find_first_of(ends_), rest_.size());
    cell.assign(rest_.data(), end);
    rest_.remove_prefix(end);
    return absl::OkStatus();
  }

  absl::Status ReadQuoted(std::string& cell) {
    while (true) {
      const std::size_t quote = rest_.find('"');
      if (quote == absl::string_view::npos) {
        return Error("a quote (\") opens here and never closes");
      }
      cell.append(rest_.data(), quote);
      rest_.remove_prefix(quote + 1);
      if (!absl::ConsumePrefix(&rest_, "\"")) {
        break;
      }
      cell.push_back('"');
    }
    if (!rest_.empty() && rest_.find_first_of(ends_) != 0) {
      return Error(
          "text after a closing quote; a quote inside a quoted cell is written twice (\"\")");
    }
    return absl::OkStatus();
  }

  absl::Status Check(absl::string_view cell) const {
    if (cell.size() > static_cast<std::size_t>(limits_.cell_bytes_max)) {
      return Error(absl::StrCat(
          "the cell is ", cell.size(), " bytes long; at most ", limits_.cell_bytes_max));
    }
    if (absl::StrContains(cell, absl::string_view("\0", 1)) || !IsUtf8(cell)) {
      return Error("not UTF-8 text; save the sheet as \"CSV UTF-8\"");
    }
    return absl::OkStatus();
  }

  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("row ", row_, ", column ", ColumnLetters(column_), ": ", what));
  }

  absl::string_view rest_;
  const char separator_;
  const std::string ends_;  // Of a cell without quotes.
  const CsvLimits& limits_;
  int row_ = 1;
  int column_ = 1;
};

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string ColumnLetters(int column) {
  std::string letters;
  for (; column > 0; column = (column - 1) / 26) {
    letters.insert(letters.begin(), static_cast<char>('A' + (column - 1) % 26));
  }
  return letters;
}

absl::StatusOr<std::vector<std::vector<std::string>>> ParseCsv(absl::string_view text,
                                                               const CsvLimits& limits) {
  std::string converted;
  if (absl::StartsWith(text, "\xFF\xFE") || absl::StartsWith(text, "\xFE\xFF")) {
    ASSIGN_OR_RETURN(converted, FromUtf16(text));
    text = converted;
  }
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  const char separator = TakeSeparator(&text);
  return Parser(text, separator, limits).Parse();
}

}  // namespace rn
