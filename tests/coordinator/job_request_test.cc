#include "coordinator/job_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/coordinator/small_catalog.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// The first example of the clients' document.
json Body() {
  return json::parse(R"({
    "title": "My First Video Campaign", "priority": "normal", "processing_deadline_ms": 3600000,
    "input_source": {"type": "sheet", "sheet_id": "1A2B3C4D5E6F7G8H9I0J", "range": "A1:Z10"},
    "output": {"format": "mp4", "video_codec": "h264", "audio_codec": "aac",
               "resolution": "1080p", "output_bucket": "my-campaign-videos"},
    "template": {"template_id": "tpl_promotional",
                 "overrides": {"style": "modern", "voice": "professional_female",
                               "background_music": "upbeat_corporate"}}})");
}

class JobRequestTest : public ::testing::Test {
 protected:
  BulkJobRequest Good(const std::string& body) {
    auto parsed = ParseBulkJobRequest(body, "job_1", catalog_);
    if (const auto* errors = std::get_if<std::vector<FieldError>>(&parsed)) {
      ADD_FAILURE() << errors->front().pointer << ": " << errors->front().message;
      return {};
    }
    return std::get<BulkJobRequest>(parsed);
  }

  std::map<std::string, std::string> Errors(const std::string& body) {
    std::map<std::string, std::string> by_pointer;
    auto parsed = ParseBulkJobRequest(body, "job_1", catalog_);
    if (const auto* errors = std::get_if<std::vector<FieldError>>(&parsed)) {
      for (const FieldError& error : *errors) {
        EXPECT_TRUE(by_pointer.emplace(error.pointer, error.message).second) << error.pointer;
      }
    }
    return by_pointer;
  }

  const SmallCatalog files_;
  const Catalog catalog_ = files_.Load();
};

TEST_F(JobRequestTest, TheClientsFirstExampleIsUnderstood) {
  const BulkJobRequest request = Good(Body().dump());
  EXPECT_EQ(request.title, "My First Video Campaign");
  EXPECT_EQ(request.priority, JobPriority::kNormal);
  EXPECT_EQ(request.processing_deadline, absl::Hours(1));
  EXPECT_EQ(request.sheet.sheet_id, "1A2B3C4D5E6F7G8H9I0J");
  EXPECT_EQ(request.sheet.range.last_row, 10);
  EXPECT_EQ(request.spec.job_id(), "job_1");
  EXPECT_EQ(request.spec.template_id(), "tpl_promotional");
  EXPECT_EQ(request.spec.overrides().at("style"), "modern");
  EXPECT_EQ(request.spec.output().width(), 1920u);
  EXPECT_EQ(request.spec.output().output_bucket(), "my-campaign-videos");
  EXPECT_EQ(request.callback_url, "");
}

TEST_F(JobRequestTest, WhatTheClientsLeaveOutHasADefault) {
  json body = Body();
  body.erase("priority");
  body.erase("processing_deadline_ms");
  body["template"].erase("overrides");
  body["output"] = {{"output_bucket", "my-bucket"}};
  body["callback_url"] = nullptr;
  const BulkJobRequest request = Good(body.dump());
  EXPECT_EQ(request.priority, JobPriority::kNormal);
  EXPECT_EQ(request.processing_deadline, absl::InfiniteDuration());
  EXPECT_EQ(request.spec.output().width(), 0u);
}

TEST_F(JobRequestTest, AnEmptyObjectNamesEverythingThatIsRequired) {
  EXPECT_THAT(Errors("{}"),
              ElementsAre(Pair("/input_source", "is required"),
                          Pair("/output", "is required"),
                          Pair("/template", "is required"),
                          Pair("/title", "is required")));
}

TEST_F(JobRequestTest, EveryMistakeIsReportedAtOnceWithItsPointer) {
  json body = Body();
  body["title"] = "  ";
  body["priority"] = "hihg";
  body["processing_deadline_ms"] = "soon";
  body["input_source"] = {{"type", "database"}, {"sheet_id", "../x"}, {"range", "A1-Z9"}};
  body["output"]["resolution"] = "1080";
  body["output"]["video_codec"] = "av1";
  body["output"]["output_bucket"] = "My_Bucket";
  body["template"]["overrides"] = {{"style", "modren"}, {"voice", 7}, {"tempo", "fast"}};
  body["callback_url"] = "ftp://example.com";
  body["titel"] = "x";
  const auto errors = Errors(body.dump());
  EXPECT_EQ(errors.at("/title"), "must not be empty");
  EXPECT_THAT(errors.at("/priority"), HasSubstr("did you mean \"high\"? Valid: low, normal, high"));
  EXPECT_THAT(errors.at("/processing_deadline_ms"), HasSubstr("a whole number from 1000 to"));
  EXPECT_THAT(errors.at("/input_source/type"), HasSubstr("Valid: sheet"));
  EXPECT_THAT(errors.at("/input_source/sheet_id"), HasSubstr("letters, digits"));
  EXPECT_THAT(errors.at("/input_source/range"), HasSubstr("write it as \"A1:Z100\""));
  EXPECT_THAT(errors.at("/output/resolution"), HasSubstr("did you mean \"1080p\"?"));
  EXPECT_THAT(errors.at("/output/video_codec"), HasSubstr("Valid: h264"));
  EXPECT_THAT(errors.at("/output/output_bucket"), HasSubstr("3 to 63 lower-case letters"));
  EXPECT_THAT(errors.at("/template/overrides/style"), HasSubstr("did you mean \"modern\"?"));
  EXPECT_THAT(errors.at("/template/overrides/voice"), HasSubstr("Valid: professional_female"));
  EXPECT_THAT(errors.at("/template/overrides/tempo"), HasSubstr("unknown override"));
  EXPECT_THAT(errors.at("/callback_url"), HasSubstr("http:// or https:// URL"));
  EXPECT_THAT(errors.at("/titel"), HasSubstr("did you mean \"title\"?"));
  EXPECT_EQ(errors.size(), 14u);
}

TEST_F(JobRequestTest, AnUnknownTemplateListsTheKnownOnes) {
  json body = Body();
  body["template"]["template_id"] = "tpl_promo";
  EXPECT_THAT(Errors(body.dump()).at("/template/template_id"), HasSubstr("tpl_promotional"));
}

TEST_F(JobRequestTest, NumbersOutOfRangeAreRefused) {
  for (const char* bad :
       {"999", "604800001", "18446744073709551615", "-5", "1.5", "1e30", "true"}) {
    json body = Body();
    body["processing_deadline_ms"] = json::parse(bad);
    EXPECT_EQ(Errors(body.dump()).count("/processing_deadline_ms"), 1u) << bad;
  }
}

TEST_F(JobRequestTest, WhatIsNoJsonObjectIsOneMistake) {
  EXPECT_THAT(Errors("").at(""), HasSubstr("not JSON"));
  EXPECT_THAT(Errors("{\"title\": }").at(""), HasSubstr("not JSON (byte 11)"));
  EXPECT_THAT(Errors("[]").at(""), HasSubstr("must be a JSON object"));
  EXPECT_THAT(Errors("{\"title\": \"\xFF\"}").at(""), HasSubstr("not JSON"));
  EXPECT_THAT(
      Errors("{\"a\": " + std::string(500'000, '[') + std::string(500'000, ']') + "}").at(""),
      HasSubstr("nested deeper than 16"));
}

// Each of a million bytes must be cheap: this took minutes once, on a thread that serves everybody.
TEST_F(JobRequestTest, ManySmallObjectsAreReadAsFastAsTheyCameIn) {
  std::string body = "{\"a\": [";
  for (int i = 0; i < 300'000; ++i) {
    body += "{},";
  }
  EXPECT_THAT(Errors(body + "{}]}").at("/a"), HasSubstr("unknown field"));
}

TEST_F(JobRequestTest, ACharacterThatNoDatabaseKeepsIsRefusedWhereverItStands) {
  const std::string bad = "a" + std::string(1, '\0') + "b";
  json body = Body();
  body["title"] = bad;
  body["callback_url"] = "https://x/" + bad;
  body["input_source"]["range"] = bad;
  body["template"]["overrides"] = {{"badge", bad}};
  const auto errors = Errors(body.dump());
  for (const char* pointer :
       {"/title", "/callback_url", "/input_source/range", "/template/overrides/badge"}) {
    ASSERT_EQ(errors.count(pointer), 1u) << pointer;
    EXPECT_THAT(errors.at(pointer), HasSubstr("U+0000"));
  }
}

TEST_F(JobRequestTest, MistakesAreBoundedInNumberAndLength) {
  json body = Body();
  for (int i = 0; i < 500; ++i) {
    body["unknown" + std::to_string(i)] = 1;
  }
  body["priority"] = std::string(100'000, 'x');
  const auto errors = Errors(body.dump());
  EXPECT_LE(errors.size(), 100u);
  EXPECT_LT(errors.at("/priority").size(), 300u);
}

TEST_F(JobRequestTest, TheDigestIgnoresSpellingAndSeesContent) {
  const std::string compact = BodyDigest(Body().dump());
  EXPECT_EQ(BodyDigest(Body().dump(4)), compact);
  json other = Body();
  other["title"] = "Another";
  EXPECT_NE(BodyDigest(other.dump()), compact);
  EXPECT_NE(BodyDigest("{broken"), BodyDigest("{broken too"));
}

TEST_F(JobRequestTest, NumbersAndBooleansAreOverridesToo) {
  json body = Body();
  body["template"]["overrides"] = {{"badge", 5}};
  EXPECT_EQ(Good(body.dump()).spec.overrides().at("badge"), "5");
  body["template"]["overrides"] = {{"badge", {1, 2}}};
  EXPECT_THAT(Errors(body.dump()).at("/template/overrides/badge"), HasSubstr("must be a string"));
}

TEST(ConnectRequest, NeedsASheetAndARange) {
  const auto good = ParseConnectRequest(
      R"({"sheet_id": "1A2B", "range": "A1:Z100", "share_permissions": "read"})");
  ASSERT_TRUE(std::holds_alternative<SheetRef>(good));
  EXPECT_EQ(std::get<SheetRef>(good).range.last_row, 100);
  const auto bad = ParseConnectRequest(R"({"share_permissions": "write"})");
  ASSERT_TRUE(std::holds_alternative<std::vector<FieldError>>(bad));
  EXPECT_EQ(std::get<std::vector<FieldError>>(bad).size(), 3u);
}

}  // namespace
}  // namespace rn
