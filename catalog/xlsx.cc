#include "catalog/xlsx.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "catalog/csv.h"
#include "catalog/number_format.h"
#include "catalog/xml_stream.h"

namespace rn {
namespace {

constexpr int kRowMax = 1'048'576, kColumnMax = 16'384;  // Excel's.
constexpr std::size_t kTabsNamedMax = 10;                // In a message.
constexpr absl::string_view kOle("\xD0\xCF\x11\xE0", 4);

// Feeds a part to a handler, until that is `done`.
class PartHandler : public XmlHandler {
 public:
  absl::Status OnStart(absl::string_view, const XmlAttributes&) override {
    return absl::OkStatus();
  }
  absl::Status OnText(absl::string_view) override { return absl::OkStatus(); }
  absl::Status OnEnd(absl::string_view) override { return absl::OkStatus(); }
  bool done() const { return done_; }

 protected:
  bool done_ = false;
};

absl::Status ReadPart(ZipArchive& archive, const std::string& name, PartHandler& handler) {
  XmlStream stream(handler);
  const absl::Status read =
      archive.Read(name, [&](absl::string_view block) -> absl::StatusOr<bool> {
        RETURN_IF_ERROR(Annotate(stream.Feed(block), name));
        return !handler.done();
      });
  if (absl::IsNotFound(read)) {  // Of tabs alone that is said of a workbook.
    return absl::InvalidArgumentError(
        absl::StrCat("the file is no .xlsx workbook: ", read.message()));
  }
  RETURN_IF_ERROR(read);
  return handler.done() ? absl::OkStatus() : Annotate(stream.Finish(), name);
}

// "xl/worksheets/sheet1.xml", from "xl/workbook.xml" and "worksheets/sheet1.xml".
std::string ResolvedPart(const std::string& from, absl::string_view target) {
  if (absl::ConsumePrefix(&target, "/")) {
    return std::string(target);
  }
  std::vector<absl::string_view> steps = absl::StrSplit(from, '/');
  steps.pop_back();
  for (const absl::string_view step : absl::StrSplit(target, '/')) {
    if (step == ".." && !steps.empty()) {
      steps.pop_back();
    } else if (step != "." && step != "..") {
      steps.push_back(step);
    }
  }
  return absl::StrJoin(steps, "/");
}

// ---------------------------------------------------------------- relations

struct Relation {
  std::string id;
  std::string kind;  // The last word of its type: "worksheet".
  std::string part;
};

class RelationsHandler final : public PartHandler {
 public:
  RelationsHandler(std::string of, std::size_t relations_max)
      : of_(std::move(of)), relations_max_(relations_max) {}

  absl::Status OnStart(absl::string_view name, const XmlAttributes& attributes) override {
    if (name == "Relationship" && attributes.Get("TargetMode").value_or("") != "External") {
      if (relations.size() >= relations_max_) {
        return absl::InvalidArgumentError("too many relationships");
      }
      const absl::string_view type = attributes.Get("Type").value_or("");
      relations.push_back({.id = std::string(attributes.Get("Id").value_or("")),
                           .kind = std::string(type.substr(type.rfind('/') + 1)),
                           .part = ResolvedPart(of_, attributes.Get("Target").value_or(""))});
    }
    return absl::OkStatus();
  }

  std::vector<Relation> relations;

 private:
  const std::string of_;
  const std::size_t relations_max_;
};

// What `part` refers to; "" is the package itself.
absl::StatusOr<std::vector<Relation>> RelationsOf(ZipArchive& archive,
                                                  const std::string& part,
                                                  const XlsxLimits& limits) {
  const std::size_t name = part.rfind('/') + 1;
  RelationsHandler handler(part, static_cast<std::size_t>(limits.tabs_max) + 100);
  RETURN_IF_ERROR(ReadPart(
      archive, absl::StrCat(part.substr(0, name), "_rels/", part.substr(name), ".rels"), handler));
  return std::move(handler.relations);
}

std::optional<std::string> PartOfKind(const std::vector<Relation>& relations,
                                      absl::string_view kind) {
  for (const Relation& relation : relations) {
    if (relation.kind == kind) {
      return relation.part;
    }
  }
  return std::nullopt;
}

// ---------------------------------------------------------------- the workbook

struct Tab {
  std::string name;
  std::string relation;
  bool shows = true;
};

class WorkbookHandler final : public PartHandler {
 public:
  explicit WorkbookHandler(int tabs_max) : tabs_max_(static_cast<std::size_t>(tabs_max)) {}

  absl::Status OnStart(absl::string_view name, const XmlAttributes& attributes) override {
    if (name == "workbookPr") {
      const absl::string_view flag = attributes.Get("date1904").value_or("0");
      since_1904 = flag == "1" || flag == "true";
    } else if (name == "sheet") {
      if (tabs.size() >= tabs_max_) {
        return absl::InvalidArgumentError(absl::StrCat("more than ", tabs_max_, " tabs"));
      }
      tabs.push_back({.name = std::string(attributes.Get("name").value_or("")),
                      .relation = std::string(attributes.Get("id").value_or("")),
                      .shows = attributes.Get("state").value_or("visible") == "visible"});
    }
    return absl::OkStatus();
  }

  bool since_1904 = false;
  std::vector<Tab> tabs;

 private:
  const std::size_t tabs_max_;
};

// ---------------------------------------------------------------- formats of cells

class StylesHandler final : public PartHandler {
 public:
  explicit StylesHandler(int formats_max) : formats_max_(static_cast<std::size_t>(formats_max)) {}

  absl::Status OnStart(absl::string_view name, const XmlAttributes& attributes) override {
    int id = 0;
    const bool numbered = absl::SimpleAtoi(attributes.Get("numFmtId").value_or(""), &id);
    if (name == "cellXfs") {
      of_cells_ = true;
    } else if (name == "numFmt" && numbered) {
      codes_.emplace(id, attributes.Get("formatCode").value_or(""));
    } else if (name == "xf" && of_cells_) {
      ids_.push_back(id);
    }
    return codes_.size() > formats_max_ || ids_.size() > formats_max_
               ? absl::InvalidArgumentError(absl::StrCat("more than ", formats_max_, " formats"))
               : absl::OkStatus();
  }
  absl::Status OnEnd(absl::string_view name) override {
    of_cells_ = of_cells_ && name != "cellXfs";
    return absl::OkStatus();
  }

  // By what cells call "s".
  std::vector<NumberFormat> Formats() const {
    std::map<int, NumberFormat> known;
    std::vector<NumberFormat> formats;
    formats.reserve(ids_.size());
    for (const int id : ids_) {
      const auto code = codes_.find(id);
      const auto format = known.find(id);
      formats.push_back(format != known.end()
                            ? format->second
                            : known
                                  .emplace(id,
                                           code != codes_.end() ? NumberFormat::OfCode(code->second)
                                                                : NumberFormat::BuiltIn(id))
                                  .first->second);
    }
    return formats;
  }

 private:
  const std::size_t formats_max_;
  bool of_cells_ = false;
  std::map<int, std::string> codes_;
  std::vector<int> ids_;
};

// ---------------------------------------------------------------- texts

// "_x000D_" is how a text holds what XML cannot (ECMA-376 part 1, 22.9.2.19).
std::string Unescaped(absl::string_view text) {
  std::string plain;
  while (true) {
    const std::size_t mark = std::min(text.find("_x"), text.size());
    plain.append(text.data(), mark);
    text.remove_prefix(mark);
    std::uint32_t code = 0;
    const bool escape = text.size() >= 7 && text[6] == '_' &&
                        std::all_of(text.begin() + 2, text.begin() + 6, absl::ascii_isxdigit) &&
                        absl::SimpleHexAtoi(text.substr(2, 4), &code) && code > 0 && code < 0x80;
    if (text.empty()) {
      return plain;
    }
    if (escape) {
      plain.push_back(static_cast<char>(code));
      text.remove_prefix(7);
    } else {
      plain.append("_x");
      text.remove_prefix(2);
    }
  }
}

// The text of an <si> or <is>: that of its <t>, in runs or not, but for phonetic hints.
class RichText {
 public:
  void Start(absl::string_view name) {
    phonetic_ += name == "rPh" ? 1 : 0;
    in_text_ = name == "t" && phonetic_ == 0;
  }
  void Text(absl::string_view text) {
    if (in_text_) {
      absl::StrAppend(&text_, text);
    }
  }
  void End(absl::string_view name) {
    phonetic_ -= name == "rPh" ? 1 : 0;
    in_text_ = in_text_ && name != "t";
  }
  std::size_t size() const { return text_.size(); }
  std::string Take() {
    std::string taken = Unescaped(text_);
    *this = RichText();
    return taken;
  }

 private:
  int phonetic_ = 0;
  bool in_text_ = false;
  std::string text_;
};

class StringsHandler final : public PartHandler {
 public:
  explicit StringsHandler(int strings_max) : strings_max_(static_cast<std::size_t>(strings_max)) {}

  absl::Status OnStart(absl::string_view name, const XmlAttributes&) override {
    text_.Start(name);
    return absl::OkStatus();
  }
  absl::Status OnText(absl::string_view text) override {
    text_.Text(text);
    return absl::OkStatus();
  }
  absl::Status OnEnd(absl::string_view name) override {
    text_.End(name);
    if (name == "si") {
      if (strings.size() >= strings_max_) {
        return absl::InvalidArgumentError(absl::StrCat("more than ", strings_max_, " texts"));
      }
      strings.push_back(text_.Take());
    }
    return absl::OkStatus();
  }

  std::vector<std::string> strings;

 private:
  const std::size_t strings_max_;
  RichText text_;
};

// ---------------------------------------------------------------- cells

// What cells refer to.
struct Workbook {
  bool since_1904 = false;
  std::vector<NumberFormat> formats;
  std::vector<std::string> strings;
};

class CellsHandler final : public PartHandler {
 public:
  CellsHandler(const Workbook& workbook, const SheetRange& range)
      : workbook_(workbook), range_(range) {}

  absl::Status OnStart(absl::string_view name, const XmlAttributes& attributes) override {
    if (name == "row") {
      return StartRow(attributes);
    }
    if (name == "c") {
      return StartCell(attributes);
    }
    has_formula_ = has_formula_ || name == "f";
    in_value_ = name == "v";
    in_inline_ = in_inline_ || name == "is";
    if (in_inline_) {
      inline_.Start(name);
    }
    return absl::OkStatus();
  }

  absl::Status OnText(absl::string_view text) override {
    if (wanted_ && in_value_) {
      absl::StrAppend(&value_, text);
    } else if (wanted_ && in_inline_) {
      inline_.Text(text);
    }
    return std::max(value_.size(), inline_.size()) > kCellBytesMax
               ? absl::InvalidArgumentError(absl::StrCat("cell ",
                                                         CellName(row_, column_),
                                                         " is longer than ",
                                                         kSheetCellBytesMax,
                                                         " bytes"))
               : absl::OkStatus();
  }

  absl::Status OnEnd(absl::string_view name) override {
    in_value_ = false;
    if (in_inline_) {
      inline_.End(name);
      in_inline_ = name != "is";
    }
    return name == "c" && wanted_ ? EndCell() : absl::OkStatus();
  }

  std::vector<std::vector<std::string>> rows;

 private:
  // As it stands in the file: escapes, and digits that are not shown, come on top.
  static constexpr std::size_t kCellBytesMax = std::size_t{8} * kSheetCellBytesMax;

  absl::Status Damaged(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("cell ", CellName(row_, column_), " ", what, ": the workbook is damaged"));
  }

  absl::Status StartRow(const XmlAttributes& attributes) {
    const auto number = attributes.Get("r");
    ++row_;
    if ((number.has_value() && !absl::SimpleAtoi(*number, &row_)) || row_ < 1 || row_ > kRowMax) {
      return absl::InvalidArgumentError("a row has no number that can be: the workbook is damaged");
    }
    column_ = 0;
    wanted_ = false;
    done_ = row_ > range_.last_row;
    return absl::OkStatus();
  }

  // "AB12"; the row is the row's own.
  absl::Status StartCell(const XmlAttributes& attributes) {
    ++column_;
    if (const auto place = attributes.Get("r"); place.has_value()) {
      int column = 0;
      for (const char c : *place) {
        if (!absl::ascii_isalpha(c) || column > kColumnMax) {
          break;
        }
        column = column * 26 + (absl::ascii_toupper(c) - 'A' + 1);
      }
      if (column < 1 || column > kColumnMax) {
        return absl::InvalidArgumentError(absl::StrCat(
            "a cell of row ", row_, " has no column that can be: the workbook is damaged"));
      }
      column_ = column;
    }
    wanted_ = row_ >= range_.first_row && row_ <= range_.last_row && column_ <= range_.last_column;
    type_ = std::string(attributes.Get("t").value_or("n"));
    style_ = 0;
    if (const auto style = attributes.Get("s");
        style.has_value() && !absl::SimpleAtoi(*style, &style_)) {
      return Damaged("has a format that is none");
    }
    has_formula_ = false;
    in_value_ = in_inline_ = false;
    value_.clear();
    inline_ = RichText();
    return absl::OkStatus();
  }

  absl::Status EndCell() {
    wanted_ = false;
    if (has_formula_ && value_.empty() && type_ != "str") {
      return absl::InvalidArgumentError(
          absl::StrCat("cell ",
                       CellName(row_, column_),
                       " holds a formula that was never calculated; open the workbook in a "
                       "spreadsheet program and save it"));
    }
    ASSIGN_OR_RETURN(std::string text, Text());
    RETURN_IF_ERROR(CheckCell(text, row_, column_));
    return text.empty() ? absl::OkStatus() : Put(std::move(text));
  }

  absl::StatusOr<std::string> Text() {
    if (type_ == "inlineStr") {
      return inline_.Take();
    }
    if (type_ == "str") {
      return Unescaped(value_);
    }
    if (value_.empty() || type_ == "e" || type_ == "d") {
      return value_;
    }
    if (type_ == "s") {
      std::size_t index = 0;
      if (!absl::SimpleAtoi(value_, &index) || index >= workbook_.strings.size()) {
        return Damaged("refers to a text that is not there");
      }
      return workbook_.strings[index];
    }
    if (type_ == "b") {
      return std::string(value_ == "0" || value_ == "false" ? "FALSE" : "TRUE");
    }
    double number = 0;
    if (!absl::SimpleAtod(value_, &number) || !std::isfinite(number)) {
      return Damaged("holds a number that is none");
    }
    const auto style = static_cast<std::size_t>(style_);
    return style_ >= 0 && style < workbook_.formats.size()
               ? workbook_.formats[style].Show(number, workbook_.since_1904)
               : NumberFormat().Show(number, workbook_.since_1904);
  }

  absl::Status Put(std::string text) {
    const auto row = static_cast<std::size_t>(row_ - range_.first_row);
    const auto column = static_cast<std::size_t>(column_ - 1);
    if (rows.size() <= row) {
      rows.resize(row + 1);
    }
    if (rows[row].size() <= column) {
      cells_ += static_cast<std::int64_t>(column + 1 - rows[row].size());
      if (cells_ > kSheetCellsMax) {
        return absl::InvalidArgumentError(
            absl::StrCat("the range holds more than ", kSheetCellsMax, " cells"));
      }
      rows[row].resize(column + 1);
    }
    rows[row][column] = std::move(text);
    return absl::OkStatus();
  }

  const Workbook& workbook_;
  const SheetRange& range_;

  int row_ = 0, column_ = 0;
  bool wanted_ = false;  // The cell is in the range.
  std::string type_;
  int style_ = 0;
  bool has_formula_ = false, in_value_ = false, in_inline_ = false;
  std::string value_;
  RichText inline_;
  std::int64_t cells_ = 0;
};

// ---------------------------------------------------------------- all of it

absl::Status NoSuchTab(const std::string& wanted, const std::vector<Tab>& tabs) {
  std::vector<std::string> names;
  for (const Tab& tab : tabs) {
    if (names.size() < kTabsNamedMax) {
      names.push_back(absl::StrCat("\"", tab.name.substr(0, 100), "\""));
    }
  }
  if (tabs.size() > kTabsNamedMax) {
    names.push_back("…");
  }
  return absl::NotFoundError(
      absl::StrCat("there is no tab \"", wanted, "\"; there are ", absl::StrJoin(names, ", ")));
}

// Of the tabs that are sheets of cells.
absl::StatusOr<std::string> PartOfTab(const std::string& wanted,
                                      const std::vector<Tab>& tabs,
                                      const std::vector<Relation>& relations) {
  std::map<std::string, std::string> parts;
  for (const Relation& relation : relations) {
    if (relation.kind == "worksheet") {
      parts.emplace(relation.id, relation.part);
    }
  }
  std::vector<Tab> sheets;
  for (const Tab& tab : tabs) {
    if (parts.count(tab.relation) > 0) {
      sheets.push_back(tab);
    }
  }
  for (const Tab& tab : sheets) {
    if (absl::EqualsIgnoreCase(tab.name, wanted)) {
      return parts[tab.relation];
    }
  }
  if (sheets.empty()) {
    return absl::InvalidArgumentError("the workbook has no sheet of cells");
  }
  if (!wanted.empty() && wanted != "Sheet" && wanted != "Sheet1") {
    return NoSuchTab(wanted, sheets);
  }
  const auto shown =
      std::find_if(sheets.begin(), sheets.end(), [](const Tab& tab) { return tab.shows; });
  return parts[(shown != sheets.end() ? *shown : sheets.front()).relation];
}

absl::StatusOr<std::vector<std::vector<std::string>>> CellsOf(ZipArchive& archive,
                                                              const SheetRange& range,
                                                              const XlsxLimits& limits) {
  ASSIGN_OR_RETURN(const std::vector<Relation> package, RelationsOf(archive, "", limits));
  const std::string main = PartOfKind(package, "officeDocument").value_or("xl/workbook.xml");
  WorkbookHandler book(limits.tabs_max);
  RETURN_IF_ERROR(ReadPart(archive, main, book));
  ASSIGN_OR_RETURN(const std::vector<Relation> relations, RelationsOf(archive, main, limits));
  ASSIGN_OR_RETURN(const std::string part, PartOfTab(range.tab, book.tabs, relations));
  Workbook workbook = {.since_1904 = book.since_1904};
  if (const auto styles = PartOfKind(relations, "styles")) {
    StylesHandler handler(limits.formats_max);
    RETURN_IF_ERROR(ReadPart(archive, *styles, handler));
    workbook.formats = handler.Formats();
  }
  if (const auto strings = PartOfKind(relations, "sharedStrings")) {
    StringsHandler handler(limits.shared_strings_max);
    RETURN_IF_ERROR(ReadPart(archive, *strings, handler));
    workbook.strings = std::move(handler.strings);
  }
  CellsHandler cells(workbook, range);
  RETURN_IF_ERROR(ReadPart(archive, part, cells));
  return std::move(cells.rows);
}

}  // namespace

bool LooksLikeXlsx(absl::string_view bytes) {
  return absl::StartsWith(bytes, "PK\x03\x04") || absl::StartsWith(bytes, kOle);
}

absl::StatusOr<Sheet> SheetFromXlsx(absl::string_view bytes,
                                    const SheetRange& range,
                                    const XlsxLimits& limits) {
  if (absl::StartsWith(bytes, kOle)) {
    return absl::InvalidArgumentError(
        "this is an old .xls workbook, or one with a password; save it as .xlsx without one");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ZipArchive> archive, ZipArchive::Open(bytes, limits.zip));
  ASSIGN_OR_RETURN(std::vector<std::vector<std::string>> rows, CellsOf(*archive, range, limits));
  return ArrangeSheet(std::move(rows), range);
}

}  // namespace rn
