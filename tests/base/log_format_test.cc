#include "base/log_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace rn {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class LogFormatTest : public ::testing::Test {
 protected:
  ~LogFormatTest() override { ForgetItemLogFields("job_1-7"); }

  std::string Line(LogFormat format, const std::string& message) {
    std::ostringstream out;
    spdlog::logger logger("prog", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
    logger.set_formatter(NewLogFormatter(format));
    logger.warn(spdlog::string_view_t(message));
    return out.str();
  }
  nlohmann::json Json(const std::string& message) {
    return nlohmann::json::parse(Line(LogFormat::kJson, message));
  }
};

TEST_F(LogFormatTest, TextIsTheMessageAfterTimeLevelAndProgram) {
  EXPECT_THAT(Line(LogFormat::kText, "lease lost item=job_1-7 fence=2"),
              EndsWith(" warning prog lease lost item=job_1-7 fence=2\n"));
}

TEST_F(LogFormatTest, JsonHasWhatHappenedAndEachField) {
  const nlohmann::json line = Json(R"(fetch failed item=job_1-7 fence=2 error="not there")");
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("program"), "prog");
  EXPECT_EQ(line.at("msg"), "fetch failed");
  EXPECT_EQ(line.at("item"), "job_1-7");
  EXPECT_EQ(line.at("fence"), "2");
  EXPECT_EQ(line.at("error"), "not there");
  EXPECT_THAT(line.at("ts").get<std::string>(), HasSubstr("T"));
}

TEST_F(LogFormatTest, WhatIsQuotedMayHaveQuotesAndNewlines) {
  const nlohmann::json line = Json("a b error=\"no \"x\" in\n\"y\"\" slot=3 empty=");
  EXPECT_EQ(line.at("error"), "no \"x\" in\n\"y\"");
  EXPECT_EQ(line.at("slot"), "3");
  EXPECT_EQ(line.at("empty"), "");
}

TEST_F(LogFormatTest, BytesThatAreNoTextStillMakeJson) {
  EXPECT_EQ(Json("odd bytes=\xff\xfe").at("msg"), "odd");
}

TEST_F(LogFormatTest, AFieldNeverReplacesTheLinesOwn) {
  const nlohmann::json line = Json("x level=high msg=hidden item=a item=b");
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("level_"), "high");
  EXPECT_EQ(line.at("msg_"), "hidden");
  EXPECT_EQ(line.at("item"), "a");
}

TEST_F(LogFormatTest, EveryLineAboutAKnownItemSaysItsJobAndTrace) {
  SetItemLogFields("job_1-7", {{"job", "job_1"}, {"correlation_id", "c"}, {"trace_id", "t"}});
  const nlohmann::json line = Json("lease lost item=job_1-7 fence=2 job=said");
  EXPECT_EQ(line.at("job"), "said");
  EXPECT_EQ(line.at("correlation_id"), "c");
  EXPECT_EQ(line.at("trace_id"), "t");
  EXPECT_THAT(Line(LogFormat::kText, "lease lost item=job_1-7"),
              EndsWith("item=job_1-7 job=job_1 correlation_id=c trace_id=t\n"));
  EXPECT_THAT(Line(LogFormat::kText, "lease lost item=job_1-8"), EndsWith("item=job_1-8\n"));
  ForgetItemLogFields("job_1-7");
  EXPECT_THAT(Line(LogFormat::kText, "lease lost item=job_1-7"), Not(HasSubstr("trace_id")));
}

TEST_F(LogFormatTest, AMessageCannotForgeALine) {
  EXPECT_THAT(Line(LogFormat::kText, "x error=\"a\n2026 info prog forged\""),
              EndsWith("x error=\"a\\n2026 info prog forged\"\n"));
}

}  // namespace
}  // namespace rn
