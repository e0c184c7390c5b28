#include "bench/page.h"

#include <gtest/gtest.h>

namespace rn {
namespace {

std::vector<BenchRow> SomeRows() {
  return {{.scenario = "S1", .metric = "encode floor", .value = 6.5, .unit = "s"},
          {.scenario = "S1",
           .metric = "rendernode: CPU",
           .value = 0.8,
           .ratio_to = "encode floor",
           .target = 0.85},
          {.scenario = "S1", .metric = "MLT melt: CPU", .value = 5.5, .ratio_to = "encode floor"},
          {.scenario = "S1", .metric = "editly: CPU", .note = "not installed: gl"},
          {.scenario = "items", .metric = "1 items: CPU", .value = 2, .unit = "s"},
          {.scenario = "items", .metric = "10 items: CPU", .value = 11, .unit = "s"}};
}

bool Has(absl::string_view text, absl::string_view part) {
  return text.find(part) != absl::string_view::npos;
}

TEST(PageTest, ABlockIsReplacedAndTheWordsAroundItStay) {
  const std::string page =
      "# Title\n<!-- bench: contenders -->\nold figures\n<!-- /bench -->\nThe end.\n";
  const auto filled = FillPage(page, SomeRows());
  ASSERT_TRUE(filled.ok()) << filled.status();
  EXPECT_TRUE(Has(*filled, "# Title\n<!-- bench: contenders -->\n"));
  EXPECT_TRUE(Has(*filled, "| rendernode | 0.80 |\n"));
  EXPECT_TRUE(Has(*filled, "| editly | not installed: gl |\n"));
  EXPECT_TRUE(Has(*filled, "<!-- /bench -->\nThe end.\n"));
  EXPECT_FALSE(Has(*filled, "old figures"));
  EXPECT_EQ(*FillPage(*filled, SomeRows()), *filled);
}

TEST(PageTest, TheSchedulerStandsBesideFirstComeFirstServed) {
  const std::vector<BenchRow> rows = {
      {.scenario = "scheduler", .metric = "fairness", .value = 0.99},
      {.scenario = "scheduler", .metric = "eta", .value = 1.5, .unit = "s"},
      {.scenario = "FIFO", .metric = "fairness", .value = 0.62}};
  const auto filled = FillPage("<!-- bench: schedule -->\n<!-- /bench -->\n", rows);
  ASSERT_TRUE(filled.ok()) << filled.status();
  EXPECT_TRUE(Has(*filled, "| fairness | 0.99 | 0.62 |\n"));
  EXPECT_TRUE(Has(*filled, "| eta, s | 1.50 | – |\n"));
}

TEST(PageTest, AMissedTargetStandsOut) {
  const std::string page = "<!-- bench: targets -->\n<!-- /bench -->\n";
  std::vector<BenchRow> rows = SomeRows();
  EXPECT_TRUE(Has(*FillPage(page, rows), "reached"));
  rows[1].value = 0.9;
  EXPECT_TRUE(Has(*FillPage(page, rows), "**missed**"));
}

TEST(PageTest, AMistakeInADocumentIsNamed) {
  const auto unknown = FillPage("a\n<!-- bench: kernel -->\n<!-- /bench -->\n", {});
  EXPECT_TRUE(
      Has(unknown.status().message(), "line 2: unknown block \"kernel\"; valid: contenders"))
      << unknown.status();
  const auto endless = FillPage("<!-- bench: kernels -->\n", {});
  EXPECT_TRUE(Has(endless.status().message(), "has no line <!-- /bench -->")) << endless.status();
}

TEST(PageTest, ChartsShowWhoWasMeasured) {
  const auto charts = Charts(SomeRows());
  ASSERT_EQ(charts.size(), 2U);
  EXPECT_TRUE(Has(charts.at("contenders.svg"), "MLT melt"));
  EXPECT_TRUE(Has(charts.at("contenders.svg"), "5.50"));
  EXPECT_FALSE(Has(charts.at("contenders.svg"), "editly"));
  EXPECT_TRUE(Has(charts.at("items.svg"), "<circle"));
}

}  // namespace
}  // namespace rn
