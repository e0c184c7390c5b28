#include "coordinator/sheet_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kHeader = "Title,Script,Image URL\n";

class SheetFolderTest : public ::testing::Test {
 protected:
  void Write(const std::string& file, const std::string& contents) {
    const std::filesystem::path path = folder_.path() / "acme" / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << contents;
  }

  absl::StatusOr<Sheet> Read(const std::string& id, const std::string& range = "A1:Z100") {
    const auto parsed = SheetRange::Parse(range);
    return parsed.ok() ? source_.Read("acme", id, *parsed) : parsed.status();
  }

  Sheet ReadText(const std::string& contents, const std::string& range = "A1:Z100") {
    Write("s.csv", contents);
    auto sheet = Read("s", range);
    EXPECT_TRUE(sheet.ok()) << sheet.status();
    return sheet.ok() ? *std::move(sheet) : Sheet();
  }

  std::string ErrorOf(const std::string& contents, const std::string& range = "A1:Z100") {
    Write("s.csv", contents);
    return std::string(Read("s", range).status().message());
  }

  TempDir folder_ = *TempDir::Create("sheets");
  SheetFolder source_{folder_.path()};
};

std::string RangeError(const std::string& text) {
  return std::string(SheetRange::Parse(text).status().message());
}

TEST(SheetRange, ReadsCellsAndTabs) {
  const auto plain = SheetRange::Parse("A1:Z100");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->tab, "");
  EXPECT_EQ(plain->first_row, 1);
  EXPECT_EQ(plain->last_row, 100);
  EXPECT_EQ(plain->last_column, 26);
  const auto tab = SheetRange::Parse("Products!a5:aa6");
  ASSERT_TRUE(tab.ok());
  EXPECT_EQ(tab->tab, "Products");
  EXPECT_EQ(tab->first_row, 5);
  EXPECT_EQ(tab->last_column, 27);
  EXPECT_EQ(SheetRange::Parse("'Bob''s list!'!A1:C2")->tab, "Bob's list!");
}

TEST(SheetRange, EachMistakeIsNamedWithWhatIsValid) {
  for (const char* bad : {"",
                          "A1",
                          "A1-Z10",
                          "A1:Z",
                          "A:Z",
                          "1A:2B",
                          "A0:B9",
                          "A01:B9",
                          "A1:Z10 ",
                          "!A1:B2",
                          "It's!A1:B2",
                          "A1:B99999999999",
                          "AAAAAAAAAAAA1:B2"}) {
    EXPECT_THAT(RangeError(bad), HasSubstr("is not a range; write it as \"A1:Z100\"")) << bad;
  }
  EXPECT_THAT(RangeError("B1:Z10"), HasSubstr("begins at column B; it must begin at column A"));
  EXPECT_THAT(RangeError("A9:Z2"), HasSubstr("ends at row 2, before its first row 9"));
  EXPECT_THAT(RangeError("A1:A9"), HasSubstr("between B and ZZ"));
  EXPECT_THAT(RangeError("A1:AAA9"), HasSubstr("between B and ZZ"));
  EXPECT_THAT(RangeError("A1:Z20000"), HasSubstr("spans 20000 rows; at most 10000"));
  EXPECT_TRUE(SheetRange::Parse("A1:Z10001").ok()) << "10,000 rows and a header";
}

TEST_F(SheetFolderTest, RowsKeepTheSheetsNumbers) {
  const Sheet sheet = ReadText(absl::StrCat(
      kHeader, "One,Say one,https://x/1.png\n", "\n,,\n", "Two,Say two,https://x/2.png\n"));
  EXPECT_THAT(sheet.columns, ElementsAre("A", "B", "C"));
  EXPECT_THAT(sheet.variables, ElementsAre("title", "script", "image_url"));
  ASSERT_EQ(sheet.rows.size(), 2u);
  EXPECT_EQ(sheet.rows[0].number, 2);
  EXPECT_THAT(sheet.rows[0].cells, ElementsAre("One", "Say one", "https://x/1.png"));
  EXPECT_EQ(sheet.rows[1].number, 5);
  EXPECT_EQ(sheet.empty_rows, 2);
  EXPECT_THAT(sheet.warnings, ElementsAre("2 empty rows will be skipped"));
}

TEST_F(SheetFolderTest, QuotesByteOrderMarkAndLineEndsAreAsSpreadsheetsWriteThem) {
  const Sheet sheet = ReadText(
      "\xEF\xBB\xBF\"Hello, world\",\"She said \"\"hi\"\"\r\nand left\",https://x/a.png\r\n"
      "日本語,مرحبا 🎬,https://x/b.png");
  ASSERT_EQ(sheet.rows.size(), 2u);
  EXPECT_THAT(sheet.rows[0].cells,
              ElementsAre("Hello, world", "She said \"hi\"\r\nand left", "https://x/a.png"));
  EXPECT_THAT(sheet.rows[1].cells, ElementsAre("日本語", "مرحبا 🎬", "https://x/b.png"));
  EXPECT_EQ(sheet.rows[1].number, 2) << "a line break inside a cell is no new row";
}

TEST_F(SheetFolderTest, FurtherColumnsAreNamedByTheHeader) {
  const Sheet sheet = ReadText(
      "Title,Script,Image,Call to Action,#internal,Badge \n"
      "T,S,https://x/a.png,Buy now,secret,New\n");
  EXPECT_THAT(sheet.variables,
              ElementsAre("title", "script", "image_url", "call_to_action", "", "badge"));
  EXPECT_EQ(sheet.rows[0].cells[3], "Buy now");
  EXPECT_THAT(sheet.warnings, IsEmpty());
}

TEST_F(SheetFolderTest, AHeaderInAnotherLanguageIsSeenByItsMissingUrl) {
  const Sheet sheet = ReadText("Titel,Text der Stimme,Bild\nT,S,https://x/a.png\n");
  ASSERT_EQ(sheet.rows.size(), 1u);
  EXPECT_EQ(sheet.rows[0].cells[0], "T");
}

TEST_F(SheetFolderTest, WithoutAHeaderTheFirstRowIsDataAndFurtherColumnsAreLeftOut) {
  const Sheet sheet = ReadText("T,S,https://x/a.png,extra\nU,V,https://x/b.png,\n");
  ASSERT_EQ(sheet.rows.size(), 2u);
  EXPECT_EQ(sheet.rows[0].number, 1);
  EXPECT_THAT(sheet.variables, ElementsAre("title", "script", "image_url", ""));
  EXPECT_THAT(sheet.warnings, ElementsAre("column D is not used: it has no name in a header row"));
}

TEST_F(SheetFolderTest, AHeaderThatContradictsItsColumnIsAWarning) {
  const Sheet sheet = ReadText("Script,Title,Image\nS,T,https://x/a.png\n");
  EXPECT_THAT(sheet.warnings,
              ElementsAre("column A is read as title although its header says \"Script\"",
                          "column B is read as script although its header says \"Title\""));
}

TEST_F(SheetFolderTest, TwoColumnsOfOneNameAreRefused) {
  EXPECT_THAT(ErrorOf("Title,Script,Image,Badge,badge\nT,S,https://x/a.png,1,2\n"),
              HasSubstr("column E: an earlier column is already named \"badge\""));
}

TEST_F(SheetFolderTest, TheRangeCutsRowsAndColumns) {
  const Sheet sheet = ReadText("1,a,x,no\n2,b,x,no\n3,c,x,no\n4,d,x,no\n", "A2:C3");
  EXPECT_THAT(sheet.columns, ElementsAre("A", "B", "C"));
  ASSERT_EQ(sheet.rows.size(), 2u);
  EXPECT_EQ(sheet.rows[0].number, 2);
  EXPECT_EQ(sheet.rows[1].cells[0], "3");
}

TEST_F(SheetFolderTest, ShortRowsAreFilledWithEmptyCells) {
  const Sheet sheet = ReadText("Only a title\n");
  EXPECT_THAT(sheet.rows[0].cells, ElementsAre("Only a title", "", ""));
}

TEST_F(SheetFolderTest, TheHeaderMayStandBelowEmptyRows) {
  const Sheet sheet = ReadText(",,\n\nTitle,Script,Image,Badge\n,,,\nT,S,https://x/a.png,New\n");
  ASSERT_EQ(sheet.rows.size(), 1u);
  EXPECT_EQ(sheet.rows[0].number, 5);
  EXPECT_THAT(sheet.variables, ElementsAre("title", "script", "image_url", "badge"));
  EXPECT_EQ(sheet.empty_rows, 3);
}

TEST_F(SheetFolderTest, CellsMayBeSeparatedAsOtherCountriesDo) {
  for (const char* text : {"Titel;Text;Bild\n\"Eins; zwei\";S,t;https://x/a.png\n",
                           "Titel\tText\tBild\r\nEins; zwei\tS,t\thttps://x/a.png\r\n",
                           "sep=|\nTitel|Text|Bild\nEins; zwei|S,t|https://x/a.png\n"}) {
    const Sheet sheet = ReadText(text);
    ASSERT_EQ(sheet.rows.size(), 1u) << text;
    EXPECT_EQ(sheet.rows[0].number, 2) << text;
    EXPECT_THAT(sheet.rows[0].cells, ElementsAre("Eins; zwei", "S,t", "https://x/a.png")) << text;
  }
  EXPECT_THAT(ReadText("a;b,c\n").rows[0].cells, ElementsAre("a;b", "c", ""))
      << "a comma is a comma";
  EXPECT_THAT(ErrorOf("a;\"b\"c;d\n"), HasSubstr("row 1, column B: text after a closing quote"));
}

// "Ä🎬", a comma and so on, as Excel's "Unicode Text" has it.
TEST_F(SheetFolderTest, TextMayBeUtf16WithAByteOrderMark) {
  const std::u16string text = u"\uFEFFÄ🎬\tScript\thttps://x/a.png\n";
  std::string low, high;
  for (const char16_t unit : text) {
    low += {static_cast<char>(unit & 0xFF), static_cast<char>(unit >> 8)};
    high += {static_cast<char>(unit >> 8), static_cast<char>(unit & 0xFF)};
  }
  for (const std::string& bytes : {low, high}) {
    EXPECT_THAT(ReadText(bytes).rows[0].cells, ElementsAre("Ä🎬", "Script", "https://x/a.png"));
    EXPECT_THAT(ErrorOf(bytes.substr(0, bytes.size() - 1)), HasSubstr("begins as UTF-16"));
    EXPECT_THAT(ErrorOf(bytes.substr(0, 6) + bytes.substr(8)), HasSubstr("begins as UTF-16"))
        << "half of a pair";
  }
}

TEST_F(SheetFolderTest, CellsThatShowAnErrorAreAWarningWhereTheyAreUsed) {
  const Sheet sheet =
      ReadText("Title,Script,Image,#note\nT,S,https://x/a.png,#N/A\n#REF!,S,https://x/a.png,\n");
  EXPECT_THAT(sheet.warnings, ElementsAre("cell A3 shows the error #REF!"));
  EXPECT_EQ(sheet.ErrorIn(sheet.rows[0]), std::nullopt);
  EXPECT_EQ(sheet.ErrorIn(sheet.rows[1]), "cell A3 shows the error #REF!");
}

TEST_F(SheetFolderTest, AFewCellsFarAwayDoNotMakeAllTheRowsLong) {
  std::string text = std::string(701, ',') + "x\n";
  for (int i = 0; i < 2000; ++i) {
    text += "t\n";
  }
  EXPECT_THAT(ErrorOf(text, "A1:ZZ9000"),
              HasSubstr("2001 rows of 702 columns; at most 1000000 cells"));
}

TEST_F(SheetFolderTest, DamagedFilesAreRefusedWithRowAndColumn) {
  EXPECT_THAT(ErrorOf("a,b\nc,\"open"), HasSubstr("row 2, column B: a quote (\") opens here"));
  EXPECT_THAT(ErrorOf("\"a\"b,c\n"), HasSubstr("row 1, column A: text after a closing quote"));
  EXPECT_THAT(ErrorOf("ok,Gr\xFC\xDF"
                      "e,x\n"),
              HasSubstr("row 1, column B: not UTF-8"));
  EXPECT_THAT(ErrorOf(std::string("a,b\0c,d\n", 8)), HasSubstr("row 1, column B"));
  EXPECT_THAT(ErrorOf(absl::StrCat("a,b,", std::string(50'001, 'x'))),
              HasSubstr("row 1, column C: the cell is 50001 bytes long; at most 50000"));
}

TEST_F(SheetFolderTest, DamageOutsideTheRangeDoesNotMatter) {
  EXPECT_EQ(ReadText("a,b,c,\xFF\n\xFF,,,\n", "A1:C1").rows.size(), 1u);
}

TEST_F(SheetFolderTest, TenThousandRowsAreTheLimitAndAThousandAWarning) {
  std::string text = kHeader;
  for (int i = 0; i < kSheetRowsMax; ++i) {
    absl::StrAppend(&text, "t", i, ",s,https://x/a.png\n");
  }
  const Sheet full = ReadText(text, "A1:Z10001");
  EXPECT_EQ(full.rows.size(), 10'000u);
  EXPECT_THAT(full.warnings, ElementsAre("10000 rows may take extended processing time"));
  EXPECT_THAT(ErrorOf(absl::StrCat("x,y,https://x/a.png\n", text.substr(strlen(kHeader)), "z,z,z"),
                      "A1:Z10001"),
              HasSubstr("the range holds 10001 rows; at most 10000 a job"));
}

TEST_F(SheetFolderTest, TabsAreFilesInTheSheetsFolder) {
  Write("s.csv", "first,a,x\n");
  Write("s/Spring sale.csv", "second,b,x\n");
  EXPECT_EQ(Read("s", "'Spring sale'!A1:C9")->rows[0].cells[0], "second");
  EXPECT_EQ(Read("s", "Sheet!A1:C9")->rows[0].cells[0], "first");
  EXPECT_EQ(Read("s", "Sheet1!A1:C9")->rows[0].cells[0], "first");
  const absl::Status missing = Read("s", "Autumn!A1:C9").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("sheet \"s\" has no tab \"Autumn\""));
}

TEST_F(SheetFolderTest, AnUnknownSheetIsNotFound) {
  const absl::Status missing = Read("nope").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("there is no sheet \"nope\""));
}

TEST_F(SheetFolderTest, NeitherSheetNorTabCanLeaveTheFolder) {
  Write("secret.csv", "a,b,c\n");
  for (const char* id : {"../secret", "..", "", "/etc/passwd", "a/b", "a.b", "secret.csv", "ä"}) {
    EXPECT_EQ(Read(id).status().code(), absl::StatusCode::kInvalidArgument) << id;
  }
  for (const char* range : {"'../secret'!A1:C9", "..!A1:C9", "'a/../../x'!A1:C9"}) {
    EXPECT_EQ(Read("s", range).status().code(), absl::StatusCode::kInvalidArgument) << range;
  }
}

TEST_F(SheetFolderTest, ATenantSeesItsOwnFolderAlone) {
  Write("s.csv", "a,b,c\n");
  const SheetRange range = *SheetRange::Parse("A1:C9");
  EXPECT_TRUE(source_.Read("acme", "s", range).ok());
  EXPECT_EQ(source_.Read("zeta", "s", range).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(folder_.path() / "top.csv") << "a,b,c\n";
  EXPECT_EQ(source_.Read("acme", "top", range).status().code(), absl::StatusCode::kNotFound);
  for (const char* tenant : {"", ".", "..", "../x", "zeta/../acme", "/etc"}) {
    EXPECT_EQ(source_.Read(tenant, "s", range).status().code(), absl::StatusCode::kInvalidArgument)
        << tenant;
  }
}

std::string Workbook() {
  return *ReadFile(std::filesystem::path(RN_SOURCE_DIR) / "tests/catalog/hello.xlsx", 1 << 20);
}

TEST_F(SheetFolderTest, AWorkbookInTheFolderIsASheet) {
  Write("book.xlsx", Workbook());
  const auto sheet = Read("book");
  ASSERT_TRUE(sheet.ok()) << sheet.status();
  EXPECT_EQ(sheet->rows[0].cells[0], "Hello");
  const absl::Status no_tab = Read("book", "Nope!A1:C9").status();
  EXPECT_TRUE(absl::IsNotFound(no_tab));
  EXPECT_THAT(std::string(no_tab.message()), HasSubstr("sheet \"book\": there is no tab \"Nope\""));
  Write("book.csv", "a,b,c\n");
  EXPECT_THAT(std::string(Read("book").status().message()), HasSubstr("is there twice"));
}

TEST_F(SheetFolderTest, WhatIsPutIsReadListedAndReplaced) {
  const auto put = source_.Put("acme", "one", SheetFormat::kCsv, "First,b,c\n");
  ASSERT_TRUE(put.ok()) << put.status();
  EXPECT_TRUE(put->is_new);
  EXPECT_EQ(put->bytes, 10);
  EXPECT_EQ(Read("one")->rows[0].cells[0], "First");
  const auto again = source_.Put("acme", "one", SheetFormat::kCsv, "Second,b,c\n");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(Read("one")->rows[0].cells[0], "Second");
  ASSERT_TRUE(source_.Put("acme", "a-book", SheetFormat::kXlsx, Workbook()).ok());
  Write("not a sheet.csv", "x");
  Write("one/tab.csv", "x");
  std::filesystem::create_directory(folder_.path() / "acme" / "folder.csv");
  const auto listed = source_.List("acme");
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->size(), 2u);
  EXPECT_EQ(listed->at(0).id, "a-book");
  EXPECT_EQ(listed->at(0).format, SheetFormat::kXlsx);
  EXPECT_EQ(listed->at(1).id, "one");
  EXPECT_TRUE(source_.List("nobody")->empty());
  EXPECT_TRUE(source_.Remove("acme", "one").ok());
  EXPECT_TRUE(absl::IsNotFound(source_.Remove("acme", "one")));
  EXPECT_TRUE(absl::IsNotFound(Read("one").status()));
  EXPECT_TRUE(absl::IsNotFound(source_.Find("acme", "../acme/a-book").status()));
}

TEST_F(SheetFolderTest, WhatCannotBeReadIsNotPut) {
  ASSERT_TRUE(source_.Put("acme", "s", SheetFormat::kCsv, "Good,b,c\n").ok());
  const auto refuse = [&](const std::string& id, SheetFormat format, const std::string& bytes) {
    const absl::Status status = source_.Put("acme", id, format, bytes).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refuse("s", SheetFormat::kCsv, "a,\"b\n"), HasSubstr("row 1, column B"));
  EXPECT_THAT(refuse("s", SheetFormat::kCsv, Workbook()), HasSubstr("a workbook and no CSV"));
  EXPECT_THAT(refuse("t", SheetFormat::kXlsx, "a,b,c\n"), HasSubstr("damaged"));
  refuse("../s", SheetFormat::kCsv, "a,b,c\n");
  refuse("", SheetFormat::kCsv, "a,b,c\n");
  EXPECT_EQ(Read("s")->rows[0].cells[0], "Good");
  EXPECT_EQ(source_.List("acme")->size(), 1u);
  EXPECT_EQ(source_.Put("acme", "s", SheetFormat::kXlsx, Workbook()).status().code(),
            absl::StatusCode::kFailedPrecondition)
      << "of two files none would be the sheet";
}

TEST_F(SheetFolderTest, ATenantHasSoManySheetsAndTheyAreSoLong) {
  SheetFolder small(folder_.path(), {.file_bytes_max = 100, .per_tenant_max = 2});
  ASSERT_TRUE(small.Put("acme", "a", SheetFormat::kCsv, "a,b,c\n").ok());
  ASSERT_TRUE(small.Put("acme", "b", SheetFormat::kCsv, "a,b,c\n").ok());
  const absl::Status full = small.Put("acme", "c", SheetFormat::kCsv, "a,b,c\n").status();
  EXPECT_TRUE(absl::IsResourceExhausted(full));
  EXPECT_THAT(std::string(full.message()), HasSubstr("2 sheets; at most 2"));
  EXPECT_TRUE(small.Put("acme", "b", SheetFormat::kCsv, "d,e,f\n").ok()) << "it is no more";
  EXPECT_TRUE(small.Put("zeta", "c", SheetFormat::kCsv, "a,b,c\n").ok());
  EXPECT_TRUE(absl::IsOutOfRange(
      small.Put("acme", "b", SheetFormat::kCsv, std::string(101, 'x')).status()));
}

// Says who was asked.
class NamedSource final : public SheetSource {
 public:
  explicit NamedSource(std::string name) : name_(std::move(name)) {}
  absl::StatusOr<Sheet> Read(const std::string&, absl::string_view, const SheetRange&) override {
    return absl::NotFoundError(name_);
  }

 private:
  const std::string name_;
};

TEST(RoutedSheetSource, TheIdAndTheTenantDecideAndNobodyElseIsAsked) {
  NamedSource folder("folder"), google("google");
  RoutedSheetSource routed(
      folder,
      &google,
      {.everybody = SheetsFrom::kGoogle, .tenants = {{"acme", SheetsFrom::kFolder}}});
  const auto asked = [&](const char* tenant, const char* id) {
    return std::string(routed.Read(tenant, id, SheetRange()).status().message());
  };
  EXPECT_EQ(asked("zeta", "1A2B3C"), "google");
  EXPECT_EQ(asked("zeta", "file_01ABC"), "folder");
  EXPECT_EQ(asked("acme", "1A2B3C"), "folder");
  EXPECT_EQ(asked("acme", "file_01ABC"), "folder");
}

TEST_F(SheetFolderTest, AFileAboveTheLimitIsRefused) {
  Write("s.csv", std::string(2000, 'x'));
  SheetFolder small(folder_.path(), {.file_bytes_max = 1000});
  EXPECT_THAT(std::string(small.Read("acme", "s", *SheetRange::Parse("A1:Z9")).status().message()),
              HasSubstr("larger than 1000 bytes"));
}

}  // namespace
}  // namespace rn
