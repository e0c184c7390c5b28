// Numbers as spreadsheets show them. What is expected was looked up in LibreOffice Calc and Excel's
// documentation.
#include "catalog/number_format.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rn {
namespace {

struct Shown {
  const char* code;
  double value;
  const char* text;
};

void Expect(const std::vector<Shown>& all) {
  for (const auto& [code, value, text] : all) {
    EXPECT_EQ(NumberFormat::OfCode(code).Show(value, /*since_1904=*/false), text)
        << code << " of " << value;
  }
}

TEST(NumberFormat, GeneralIsTheNumberItself) {
  Expect({{"General", 0, "0"},
          {"General", -0.0, "0"},
          {"General", 42, "42"},
          {"General", -7, "-7"},
          {"General", 0.1 + 0.2, "0.3"},
          {"General", 1.0 / 3, "0.333333333333333"},
          {"General", 19.99, "19.99"},
          {"General", 4915112345678, "4915112345678"},
          {"General", 1e20, "100000000000000000000"},
          {"General", 1.5e21, "1.5E+21"},
          {"General", 0.00001, "0.00001"},
          {"General", 2.5e-12, "2.5E-12"}});
}

TEST(NumberFormat, DigitsGroupsAndSigns) {
  Expect({{"0", 2.5, "3"},
          {"0", -0.4, "0"},
          {"0.00", 2.675, "2.68"},
          {"0.00", 1.005, "1.01"},
          {"0.00", 9.999, "10.00"},
          {"00000", 42, "00042"},
          {"#,##0", 1234567, "1,234,567"},
          {"#,##0", 999, "999"},
          {"#,##0.00", -1234.5, "-1,234.50"},
          {"0.0#", 1.5, "1.5"},
          {"0.0#", 1.25, "1.25"},
          {"#.00", 0.5, ".50"},
          {".00", 12.5, "12.50"},
          {"0,", 12345, "12"},
          {"0.0,,\"M\"", 12345678, "12.3M"},
          {"000-0000", 5551234, "555-1234"},
          {"(000) 000-0000", 2125551234, "(212) 555-1234"}});
}

TEST(NumberFormat, PercentsAndMoney) {
  Expect({{"0%", 0.25, "25%"},
          {"0.0%", 0.1255, "12.6%"},
          {"\"$\"#,##0.00", 19.99, "$19.99"},
          {"$#,##0.00", -5, "-$5.00"},
          {"#,##0.00\\ [$€-407]", 1234.5, "1,234.50 €"},
          {"[$£-809]#,##0", 12, "£12"},
          {"\"€\"0;[Red]\\-\"€\"0", -3, "-€3"},
          {"0.00;(0.00)", -1.5, "(1.50)"},
          {"0;-0;\"none\"", 0, "none"},
          {"0 \"pcs\"", 3, "3 pcs"}});
}

TEST(NumberFormat, DatesAndTimes) {
  constexpr double kDay = 46355;  // 2026-11-29, a Sunday.
  Expect(
      {{"yyyy-mm-dd", kDay, "2026-11-29"},
       {"dd.mm.yyyy", kDay, "29.11.2026"},
       {"m/d/yy", kDay, "11/29/26"},
       {"d mmm yyyy", kDay, "29 Nov 2026"},
       {"dddd, mmmm d, yyyy", kDay, "Sunday, November 29, 2026"},
       {"ddd", kDay, "Sun"},
       {"[$-409]d-mmm-yy;@", kDay, "29-Nov-26"},
       {"h:mm AM/PM", kDay + 14.5 / 24, "2:30 PM"},
       {"hh:mm", 0, "00:00"},
       {"h:mm AM/PM", 0.5 / 24, "12:30 AM"},
       {"h:mm:ss", kDay + 0.9999999, "0:00:00"},
       {"yyyy-mm-dd\\ hh:mm:ss", kDay + (9 * 3600 + 5 * 60 + 7) / 86400.0, "2026-11-29 09:05:07"},
       {"mm:ss.00", 61.25 / 86400, "01:01.25"},
       {"[h]:mm", 1.5, "36:00"},
       {"[mm]:ss", 3661.0 / 86400, "61:01"},
       {"[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", kDay, "2026-11-29"},
       {"[$-F400]h:mm:ss\\ AM/PM", 0.75, "18:00:00"}});
  EXPECT_EQ(NumberFormat::BuiltIn(14).Show(kDay, false), "2026-11-29");
  EXPECT_EQ(NumberFormat::BuiltIn(22).Show(kDay + 0.5, false), "2026-11-29 12:00");
}

TEST(NumberFormat, TheCalendarHasItsOldMistakes) {
  const NumberFormat date = NumberFormat::BuiltIn(14);
  EXPECT_EQ(date.Show(1, false), "1900-01-01");
  EXPECT_EQ(date.Show(59, false), "1900-02-28");
  EXPECT_EQ(date.Show(61, false), "1900-03-01");
  EXPECT_EQ(date.Show(0, true), "1904-01-01");
  EXPECT_EQ(date.Show(46355 - 1462, true), "2026-11-29");
  EXPECT_EQ(date.Show(2958465, false), "9999-12-31");
  EXPECT_EQ(date.Show(2958466, false), "2958466") << "there the calendar ends";
  EXPECT_EQ(date.Show(-1, false), "-1");
}

TEST(NumberFormat, WhatIsNotUnderstoodIsShownPlainly) {
  Expect({{"# ?/?", 0.5, "0.5"},
          {"0.00E+00", 12345, "12345"},
          {"[>100]0.0;0", 12.25, "12.25"},
          {"ggge", 46355, "46355"},
          {"@", 12.5, "12.5"},
          {"\"unclosed", 1, "unclosed"},
          {"[unclosed", 1, ""},
          {";;;", 5, ""},
          {"0;0;0;0;0", 5.5, "5.5"}});
  EXPECT_EQ(NumberFormat::OfCode(std::string(300, '0')).Show(1.5, false), "1.5");
  EXPECT_EQ(NumberFormat::BuiltIn(12).Show(0.5, false), "0.5");
  EXPECT_EQ(NumberFormat::BuiltIn(9999).Show(0.5, false), "0.5");
}

}  // namespace
}  // namespace rn
