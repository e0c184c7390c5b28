// Workbooks: as openpyxl writes them, as other programs do, and as nobody should.
#include "catalog/xlsx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include <cstdlib>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kDocument[] = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/";

std::string Relations(const std::map<std::string, std::pair<std::string, std::string>>& all) {
  std::string text =
      "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">";
  for (const auto& [id, relation] : all) {
    absl::StrAppend(&text,
                    "<Relationship Id=\"",
                    id,
                    "\" Type=\"",
                    kDocument,
                    relation.first,
                    "\" Target=\"",
                    relation.second,
                    "\"/>");
  }
  return text + "</Relationships>";
}

// A package of one's own making; the parts that a test does not name are the usual ones.
struct Package {
  Package() {
    parts["_rels/.rels"] = Relations({{"r1", {"officeDocument", "xl/workbook.xml"}}});
    parts["xl/workbook.xml"] =
        "<workbook xmlns:r=\"rels\"><sheets><sheet name=\"Rows\" sheetId=\"1\" r:id=\"r1\"/>"
        "</sheets></workbook>";
    parts["xl/_rels/workbook.xml.rels"] = Relations({{"r1", {"worksheet", "worksheets/a.xml"}},
                                                     {"r2", {"sharedStrings", "strings.xml"}},
                                                     {"r3", {"styles", "/xl/styles.xml"}}});
    parts["xl/strings.xml"] = "<sst><si><t>shared</t></si></sst>";
    parts["xl/styles.xml"] =
        "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"0.00\"/></numFmts>"
        "<cellStyleXfs><xf numFmtId=\"9\"/></cellStyleXfs>"
        "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"164\"/></cellXfs></styleSheet>";
    Cells("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>");
  }
  void Cells(const std::string& rows) {
    parts["xl/worksheets/a.xml"] =
        absl::StrCat("<worksheet><sheetData>", rows, "</sheetData></worksheet>");
  }

  std::string Bytes(int method = ZIP_CM_DEFLATE) const {
    const TempDir folder = *TempDir::Create("package");
    const std::string path = folder.path() / "p.zip";
    int error = 0;
    zip_t* archive = zip_open(path.c_str(), ZIP_CREATE, &error);
    for (const auto& [name, text] : parts) {
      zip_source_t* source = zip_source_buffer(archive, text.data(), text.size(), 0);
      const zip_int64_t index = zip_file_add(archive, name.c_str(), source, 0);
      zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), method, 0);
    }
    EXPECT_EQ(zip_close(archive), 0);
    return *ReadFile(path, 64 << 20);
  }

  std::map<std::string, std::string> parts;
};

absl::StatusOr<Sheet> Read(const std::string& bytes,
                           const std::string& range = "A1:Z100",
                           const XlsxLimits& limits = {}) {
  return SheetFromXlsx(bytes, *SheetRange::Parse(range), limits);
}

absl::Status Failure(const std::string& bytes, const XlsxLimits& limits = {}) {
  return Read(bytes, "A1:Z100", limits).status();
}

std::vector<std::string> FirstRow(const std::string& cells) {
  Package package;
  package.Cells(cells);
  const auto sheet = Read(package.Bytes());
  EXPECT_TRUE(sheet.ok()) << sheet.status();
  return sheet.ok() && !sheet->rows.empty() ? sheet->rows[0].cells : std::vector<std::string>();
}

std::string CellError(const std::string& cells) {
  Package package;
  package.Cells(cells);
  const absl::Status status = Failure(package.Bytes());
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

// Made once: openpyxl takes its time.
const std::filesystem::path& Workbooks() {
  static const TempDir folder = *TempDir::Create("workbooks");
  static const int made = std::system(absl::StrCat(RN_DEBIAN_PYTHON,
                                                   " ",
                                                   RN_SOURCE_DIR,
                                                   "/tests/catalog/make_workbooks.py ",
                                                   folder.path().string())
                                          .c_str());
  EXPECT_EQ(made, 0);
  return folder.path();
}

std::string Workbook(const std::string& name) {
  return *ReadFile(Workbooks() / name, 64 << 20);
}

TEST(Xlsx, AWorkbookIsReadAsItShowsItself) {
  const auto sheet = Read(Workbook("everything.xlsx"));
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_THAT(
      sheet->variables,
      ElementsAre(
          "title", "script", "image_url", "price", "starts", "discount", "at", "sold_out", "link"));
  ASSERT_EQ(sheet->rows.size(), 3U);
  EXPECT_THAT(sheet->rows[0].cells,
              ElementsAre("Crème brûlée 🍮",
                          "Line one\nline two",
                          "https://x/1.png",
                          "$1,234.50",
                          "29 Nov 2026",
                          "25%",
                          "2:30 PM",
                          "TRUE",
                          "See"));
  EXPECT_EQ(sheet->rows[1].number, 4);
  EXPECT_EQ(sheet->rows[1].cells[0], "Two");
  EXPECT_EQ(sheet->rows[1].cells[1], "Say <two> & \"more\"");
  EXPECT_EQ(sheet->rows[1].cells[3], "7");
  EXPECT_EQ(sheet->rows[1].cells[4], "2026-01-02 3:04:05");
  EXPECT_EQ(sheet->rows[2].number, 6);
  EXPECT_EQ(sheet->rows[2].cells[0], "Merged");
  EXPECT_EQ(sheet->empty_rows, 2);
}

TEST(Xlsx, TabsAreFoundByNameAndTheFirstOneThatShowsIsTheFirst) {
  const std::string bytes = Workbook("everything.xlsx");
  EXPECT_EQ(Read(bytes, "'Spring sale'!A1:C9")->rows[0].cells[0], "Other");
  EXPECT_EQ(Read(bytes, "'spring SALE'!A1:C9")->rows[0].cells[0], "Other");
  EXPECT_EQ(Read(bytes, "Hidden!A1:C9")->rows[0].cells[0], "nobody sees this");
  EXPECT_EQ(Read(bytes, "Sheet1!A2:C2")->rows[0].cells[0], "Crème brûlée 🍮");
  const absl::Status missing = Read(bytes, "Chart!A1:C9").status();
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_EQ(missing.message(),
            "there is no tab \"Chart\"; there are \"Hidden\", \"Campaign\", \"Spring sale\"");
}

TEST(Xlsx, TheRangeCutsRowsAndColumns) {
  const auto sheet = Read(Workbook("everything.xlsx"), "A4:B5");
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  ASSERT_EQ(sheet->rows.size(), 1U);
  EXPECT_EQ(sheet->rows[0].number, 4);
  EXPECT_EQ(sheet->columns.size(), 2U);
}

TEST(Xlsx, AFormulaThatWasNeverCalculatedIsNoEmptyCell) {
  const absl::Status refused = Failure(Workbook("formula.xlsx"));
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("cell B2 holds a formula that was never calculated"));
}

TEST(Xlsx, DaysMayCountFrom1904) {
  EXPECT_EQ(Read(Workbook("1904.xlsx"))->rows[0].cells[3], "2026-11-29");
}

TEST(Xlsx, TenThousandRowsAreRead) {
  const auto sheet = Read(Workbook("large.xlsx"), "A1:Z10001");
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_EQ(sheet->rows.size(), 10'000U);
  EXPECT_EQ(sheet->rows.back().number, 10'001);
  EXPECT_EQ(sheet->rows.back().cells[3], "99.99");
}

TEST(Xlsx, EveryKindOfCellIsRead) {
  EXPECT_THAT(
      FirstRow(
          "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c>"
          "<c r=\"B1\" t=\"inlineStr\"><is><r><rPr><b/></rPr><t>rich </t></r><r><t>text</t></r>"
          "<rPh sb=\"0\" eb=\"1\"><t>phonetic</t></rPh></is></c>"
          "<c r=\"C1\" t=\"str\"><f>A1</f><v>a &amp; b</v></c>"
          "<c r=\"D1\"><f>1+1</f><v>2</v></c>"
          "<c r=\"E1\" s=\"1\"><v>1.5</v></c>"
          "<c r=\"F1\" t=\"b\"><v>0</v></c>"
          "<c r=\"G1\" t=\"d\"><v>2026-11-29T00:00:00</v></c>"
          "<c r=\"H1\" t=\"str\"><f>\"\"</f><v></v></c>"
          "<c r=\"I1\" t=\"inlineStr\"><is><t>a_x000D_b_x005F_x0041_ _xZZZZ_</t></is></c></row>"),
      ElementsAre("shared",
                  "rich text",
                  "a & b",
                  "2",
                  "1.50",
                  "FALSE",
                  "2026-11-29T00:00:00",
                  "",
                  "a\rb_x0041_ _xZZZZ_"));
}

TEST(Xlsx, PlacesMayBeLeftOutAndPrefixesBePutIn) {
  EXPECT_THAT(FirstRow("<row><c t=\"s\"><v>0</v></c><c/><c><v>3</v></c></row>"),
              ElementsAre("shared", "", "3"));
  Package package;
  package.parts["xl/worksheets/a.xml"] =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><x:worksheet xmlns:x=\"m\"><x:sheetData>"
      "<x:row r=\"2\"><x:c r=\"B2\"><x:v>5</x:v></x:c></x:row></x:sheetData></x:worksheet>";
  const auto sheet = Read(package.Bytes(ZIP_CM_STORE));
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_EQ(sheet->rows[0].number, 2);
  EXPECT_EQ(sheet->rows[0].cells[1], "5");
}

TEST(Xlsx, TheWorkbookMayBeAnywhereInThePackage) {
  Package package;
  package.parts["_rels/.rels"] = Relations({{"r9", {"officeDocument", "/book/main.xml"}}});
  package.parts["book/main.xml"] = package.parts["xl/workbook.xml"];
  package.parts["book/_rels/main.xml.rels"] =
      Relations({{"r1", {"worksheet", "../xl/./worksheets/a.xml"}}});
  package.Cells("<row><c><v>1</v></c></row>");
  EXPECT_EQ(Read(package.Bytes())->rows[0].cells[0], "1");
}

TEST(Xlsx, ErrorsAreNamedByTheirCells) {
  Package package;
  package.Cells(
      "<row r=\"7\"><c r=\"A7\"><v>1</v></c><c r=\"B7\" t=\"e\"><f>1/0</f><v>#DIV/0!</v></c></row>"
      "<row r=\"8\"><c r=\"A8\" t=\"e\"><v>#N/A</v></c></row>");
  const auto sheet = Read(package.Bytes());
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_THAT(sheet->warnings,
              ElementsAre("cell B7 shows the error #DIV/0!, and so do others in 1 more rows",
                          "6 empty rows will be skipped"));
  EXPECT_EQ(sheet->ErrorIn(sheet->rows[1]), "cell A8 shows the error #N/A");
  EXPECT_THAT(CellError("<row r=\"7\"><c r=\"B7\" t=\"s\"><v>1</v></c></row>"),
              HasSubstr("cell B7 refers to a text that is not there"));
  EXPECT_THAT(CellError("<row r=\"7\"><c r=\"B7\"><v>1,5</v></c></row>"),
              HasSubstr("cell B7 holds a number that is none"));
  EXPECT_THAT(CellError("<row r=\"7\"><c r=\"B7\"><v>nan</v></c></row>"),
              HasSubstr("cell B7 holds a number that is none"));
  EXPECT_THAT(CellError("<row r=\"0\"><c><v>1</v></c></row>"), HasSubstr("a row has no number"));
  EXPECT_THAT(CellError("<row r=\"3\"><c r=\"7\"><v>1</v></c></row>"),
              HasSubstr("a cell of row 3 has no column"));
  EXPECT_THAT(
      CellError(absl::StrCat("<row><c t=\"str\"><v>", std::string(50'001, 'x'), "</v></c></row>")),
      HasSubstr("cell A1 is 50001 bytes long; at most 50000"));
  EXPECT_THAT(
      CellError(absl::StrCat("<row><c t=\"str\"><v>", std::string(500'000, 'x'), "</v></c></row>")),
      HasSubstr("cell A1 is longer than 50000 bytes"));
}

TEST(Xlsx, AFormatOutsideTheListIsNoFormat) {
  EXPECT_THAT(FirstRow("<row><c s=\"99\"><v>1.5</v></c><c s=\"-1\"><v>2</v></c></row>"),
              ElementsAre("1.5", "2", ""));
}

TEST(Xlsx, WhatIsNoWorkbookIsSaidToBeNone) {
  EXPECT_THAT(std::string(Failure("").message()), HasSubstr("no .xlsx workbook"));
  EXPECT_THAT(std::string(Failure("Title,Script\n").message()), HasSubstr("damaged"));
  EXPECT_THAT(std::string(Failure("\xD0\xCF\x11\xE0 and so on").message()),
              HasSubstr("old .xls workbook, or one with a password"));
  Package document;  // Of another program of the same family.
  document.parts["_rels/.rels"] = Relations({{"r1", {"officeDocument", "word/document.xml"}}});
  EXPECT_THAT(std::string(Failure(document.Bytes()).message()),
              HasSubstr("no .xlsx workbook: it has no part word/document.xml"));
  Package empty;
  empty.parts["xl/workbook.xml"] = "<workbook/>";
  EXPECT_THAT(std::string(Failure(empty.Bytes()).message()), HasSubstr("no sheet of cells"));
}

TEST(Xlsx, DamageIsFoundWhereverItIs) {
  const std::string whole = Package().Bytes();
  ASSERT_TRUE(Read(whole).ok());
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    EXPECT_TRUE(absl::IsInvalidArgument(Failure(whole.substr(0, length)))) << length;
  }
  // Whatever a byte becomes, it is an error or a sheet, and nothing else.
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xFF);
    const absl::Status status = Failure(damaged);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << i << ": " << status;
  }
}

TEST(Xlsx, XmlThatIsNoneAndXmlThatExpandsAreRefused) {
  Package package;
  package.parts["xl/worksheets/a.xml"] = "<worksheet><sheetData><row><c></row>";
  EXPECT_THAT(std::string(Failure(package.Bytes()).message()),
              AllOf(HasSubstr("xl/worksheets/a.xml"), HasSubstr("line 1")));
  package.parts["xl/worksheets/a.xml"] =
      "<!DOCTYPE w [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>"
      "<worksheet><sheetData><row><c t=\"str\"><v>&b;</v></c></row></sheetData></worksheet>";
  EXPECT_THAT(std::string(Failure(package.Bytes()).message()), HasSubstr("a DTD is not taken"));
  std::string deep;
  for (int i = 0; i < 200; ++i) {
    deep += "<a>";
  }
  package.parts["xl/worksheets/a.xml"] = deep;
  EXPECT_THAT(std::string(Failure(package.Bytes()).message()), HasSubstr("nested too deep"));
}

TEST(Xlsx, BombsAreNotUnpacked) {
  Package package;
  package.parts["xl/strings.xml"] =
      absl::StrCat("<sst><si><t>", std::string(8 << 20, 'x'), "</t></si></sst>");
  const std::string bomb = package.Bytes();
  EXPECT_LT(bomb.size(), 100U << 10);
  EXPECT_THAT(std::string(Failure(bomb, {.zip = {.expanded_bytes_max = 1 << 20}}).message()),
              HasSubstr("expands to more than 1048576 bytes"));
  EXPECT_TRUE(Read(bomb).ok() || absl::IsInvalidArgument(Failure(bomb)));
  std::string many = "<sst>";
  for (int i = 0; i < 1001; ++i) {
    many += "<si/>";
  }
  package.parts["xl/strings.xml"] = many + "</sst>";
  EXPECT_THAT(std::string(Failure(package.Bytes(), {.shared_strings_max = 1000}).message()),
              HasSubstr("more than 1000 texts"));
  std::string wide;
  for (int row = 1; row <= 3000; ++row) {
    absl::StrAppend(&wide, "<row><c r=\"ZZ", row, "\"><v>1</v></c></row>");
  }
  Package sparse;
  sparse.Cells(wide);
  EXPECT_THAT(std::string(Read(sparse.Bytes(), "A1:ZZ10001").status().message()),
              HasSubstr("more than 1000000 cells"));
  EXPECT_TRUE(Read(sparse.Bytes(), "A1:Z10001").ok()) << "they are outside of the range";
  EXPECT_THAT(std::string(Failure(sparse.Bytes(), {.zip = {.parts_max = 3}}).message()),
              HasSubstr("more than 3 parts"));
}

TEST(Xlsx, AnEncryptedPartIsSaidToBeOne) {
  std::string bytes = Package().Bytes();
  // The flag of the first part, there and in the directory.
  bytes[6] = static_cast<char>(bytes[6] | 1);
  const std::size_t directory = bytes.find("PK\x01\x02");
  for (std::size_t at = directory; at != std::string::npos; at = bytes.find("PK\x01\x02", at + 1)) {
    bytes[at + 8] = static_cast<char>(bytes[at + 8] | 1);
  }
  EXPECT_THAT(std::string(Failure(bytes).message()), HasSubstr("encrypted"));
}

TEST(Xlsx, ItIsToldFromText) {
  EXPECT_TRUE(LooksLikeXlsx(Package().Bytes()));
  EXPECT_TRUE(LooksLikeXlsx("\xD0\xCF\x11\xE0"));
  EXPECT_FALSE(LooksLikeXlsx("Title,Script\n"));
  EXPECT_FALSE(LooksLikeXlsx(""));
}

}  // namespace
}  // namespace rn
