#include "bench/report.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace rn {
namespace {

TEST(ReportTest, RowsComeBackAsTheyWereWritten) {
  const auto folder = TempDir::Create("report");
  ASSERT_TRUE(folder.ok());
  const std::filesystem::path path = folder->path() / "rows.json";
  const BenchRow measured =
      Summary({.scenario = "S1", .metric = "CPU", .ratio_to = "floor", .target = 1.5}, {3, 1, 2});
  const BenchRow missing{.scenario = "S1", .metric = "melt: CPU", .note = "not installed: apt"};
  ASSERT_TRUE(WriteRows(path, {measured, missing}).ok());
  const auto rows = ReadRows(path);
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].value, 2);
  EXPECT_EQ((*rows)[0].low, 1);
  EXPECT_EQ((*rows)[0].high, 3);
  EXPECT_EQ((*rows)[0].target, 1.5);
  EXPECT_EQ((*rows)[1].note, "not installed: apt");
}

TEST(ReportTest, ATableSaysWhatMissedItsTargetAndWhatIsMissing) {
  const std::string table = Table({{.metric = "CPU", .value = 2, .target = 1.5},
                                   {.metric = "melt: CPU", .note = "not installed: apt"}});
  EXPECT_NE(table.find("MISSED"), std::string::npos);
  EXPECT_NE(table.find("not installed: apt"), std::string::npos);
}

}  // namespace
}  // namespace rn
