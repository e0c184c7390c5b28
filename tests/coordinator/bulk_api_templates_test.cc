// Templates that tenants upload, from PUT to the spec that nodes get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/bulk_api_harness.h"

namespace rn {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class BulkApiTemplatesTest : public ::testing::Test, protected BulkApiHarness {
 protected:
  static json Template(const std::string& name = "mine") {
    json made = json::parse(R"({
      "schema": "1", "output": {"width": 1280, "height": 720},
      "variables": {"title": {"type": "string", "required": true},
                    "script": {"type": "string"}, "image_url": {"type": "image"}},
      "styles": {"loud": {}},
      "scenes": [{"duration": 2, "elements": [{"type": "text", "text": "{{title}}"}]}]})");
    made["name"] = name;
    return made;
  }

  json JobOf(const std::string& id) {
    json body = Body();
    body["template"] = {{"template_id", id}};
    return body;
  }

  // The template that the nodes get for the only waiting job.
  json SpecOfWaiting() {
    const auto waiting = ViewWaiting(*store_, /*per_job=*/1, clock_.Now());
    EXPECT_EQ(waiting.size(), 1U);
    rendernode::JobSpec spec;
    EXPECT_TRUE(spec.ParseFromString(*store_->GetJobSpec(waiting.at(0).spec_digest)));
    return json::parse(spec.template_json());
  }

  std::vector<std::string> PointersOf(const Answer& refused) {
    EXPECT_EQ(refused.status, 400) << refused.text;
    std::vector<std::string> pointers;
    for (const json& mistake : refused.body["detail"]) {
      pointers.push_back(mistake["pointer"]);
    }
    return pointers;
  }
};

TEST_F(BulkApiTemplatesTest, AnUploadedTemplateIsUsedByTheTenantsJobs) {
  const Answer put = Put("/templates/tpl_mine", Template());
  EXPECT_EQ(put.status, 201) << put.text;
  EXPECT_EQ(put.body["version"], 1);
  EXPECT_EQ(put.body["origin"], "uploaded");
  EXPECT_EQ(put.body["template"], Template());
  EXPECT_EQ(Get("/templates/tpl_mine").body, put.body);
  const Answer job = Post("/bulk-jobs", JobOf("tpl_mine"));
  EXPECT_EQ(job.status, 201) << job.text;
  EXPECT_EQ(SpecOfWaiting(), Template());
}

TEST_F(BulkApiTemplatesTest, AJobKeepsTheVersionThatItWasMadeWith) {
  Put("/templates/tpl_mine", Template("first"));
  Post("/bulk-jobs", JobOf("tpl_mine"));
  const Answer second = Put("/templates/tpl_mine", Template("second"));
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(second.body["version"], 2);
  EXPECT_EQ(SpecOfWaiting()["name"], "first");
  EXPECT_EQ(Get("/templates/tpl_mine").body["template"]["name"], "second");
  EXPECT_EQ(Get("/templates/tpl_mine?version=1").body["template"]["name"], "first");
  EXPECT_EQ(Get("/templates/tpl_mine?version=3").status, 404);
  EXPECT_EQ(Get("/templates/tpl_mine?version=0").status, 400);
}

TEST_F(BulkApiTemplatesTest, AJobMayNameAVersion) {
  Put("/templates/tpl_mine", Template("first"));
  Put("/templates/tpl_mine", Template("second"));
  json body = JobOf("tpl_mine");
  body["template"]["version"] = 1;
  EXPECT_EQ(Post("/bulk-jobs", body).status, 201);
  EXPECT_EQ(SpecOfWaiting()["name"], "first");
  body["template"]["version"] = 9;
  EXPECT_THAT(PointersOf(Post("/bulk-jobs", body)), Contains("/template/version"));
  body["template"] = {{"template_id", "tpl_promotional"}, {"version", 1}};
  EXPECT_THAT(PointersOf(Post("/bulk-jobs", body)), Contains("/template/version"));
}

TEST_F(BulkApiTemplatesTest, TheSameBodyAgainIsTheSameVersion) {
  Put("/templates/tpl_mine", Template());
  const Answer again = Put("/templates/tpl_mine", Template());
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body["version"], 1);
}

TEST_F(BulkApiTemplatesTest, OverridesAreCheckedAgainstTheUploadedTemplate) {
  Put("/templates/tpl_mine", Template());
  json body = JobOf("tpl_mine");
  body["template"]["overrides"] = {{"style", "lout"}};
  const Answer refused = Post("/bulk-jobs", body);
  EXPECT_THAT(refused.text, HasSubstr("did you mean \\\"loud\\\"?"));
}

TEST_F(BulkApiTemplatesTest, EveryMistakeOfATemplateHasAPointer) {
  json broken = Template();
  broken["scenes"][0]["elements"][0]["colour"] = "#fff";
  broken["output"]["width"] = 1;
  broken["nmae"] = "x";
  const Answer refused = Put("/templates/tpl_mine", broken);
  const auto pointers = PointersOf(refused);
  EXPECT_THAT(pointers, Contains("/scenes/0/elements/0/colour"));
  EXPECT_THAT(pointers, Contains("/output/width"));
  EXPECT_THAT(pointers, Contains("/nmae"));
  EXPECT_EQ(Get("/templates/tpl_mine").status, 404) << "nothing was kept";
}

TEST_F(BulkApiTemplatesTest, WhatOnlyAThousandRowsWouldHaveFoundIsRefusedAtOnce) {
  json broken = Template();
  broken["theme"] = json::parse(R"({"colors": {"accent": "#f80"}})");
  broken["styles"]["loud"] = json::parse(R"({"colors": {"acent": "#fff"}})");
  broken["scenes"][0]["elements"] = json::parse(R"([
      {"type": "text", "text": "{{titel}}"},
      {"type": "shape", "fill_color": "$accant", "width": "3 metres"},
      {"type": "text", "text": "<b>{{title}}", "condition": "{{title"},
      {"type": "text", "text": "<b>now", "markup": true},
      {"type": "captions", "source": "@nobody"},
      {"type": "image", "source": "{{title}}"},
      {"type": "audio", "source": "music:upbeat_corporate", "duck": {"under": "speech"}},
      {"type": "shape", "fill_color": "#fff",
       "animations": [{"type": "fade", "easing": "cubic-oot"}]}])");
  const Answer refused = Put("/templates/tpl_mine", broken);
  EXPECT_EQ(refused.body["error_code"], "validation_error");
  const std::string elements = "/scenes/0/elements/";
  EXPECT_THAT(PointersOf(refused),
              UnorderedElementsAre("/styles/loud/colors/acent",
                                   elements + "0/text",
                                   elements + "1/fill_color",
                                   elements + "1/width",
                                   elements + "2/condition",
                                   elements + "3/text",
                                   elements + "4/source",
                                   elements + "5/source",
                                   elements + "6/duck/under",
                                   elements + "7/animations/0/easing"));
  EXPECT_THAT(refused.text, HasSubstr("did you mean \\\"title\\\"?"));
  EXPECT_EQ(Get("/templates/tpl_mine").status, 404) << "nothing was kept";
}

// A coordinator has no row to fill it with, and none of the nodes' fonts.
TEST_F(BulkApiTemplatesTest, WhatOnlyARowOrANodeCanTellIsNoMistake) {
  json open = Template();
  open["variables"]["tint"] = {{"type", "color"}};
  open["variables"]["size"] = {{"type", "number"}};
  open["scenes"][0]["elements"] = json::parse(R"([
      {"type": "text", "text": "{{title}}", "markup": true, "fill_color": "{{tint}}",
       "font_size": "{{size}}vmin", "font_family": "A Font Of The Nodes",
       "condition": "{{title != ''}}"},
      {"type": "image", "source": "{{image_url}}"}])");
  const Answer put = Put("/templates/tpl_mine", open);
  EXPECT_EQ(put.status, 201) << put.text;
}

TEST_F(BulkApiTemplatesTest, VoicesAndMusicThatAreNotHereAreMistakes) {
  json foreign = Template();
  foreign["variables"]["voice"] = {{"type", "voice"}, {"default", "robot"}};
  foreign["elements"] = json::parse(R"([{"type": "audio", "source": "music:jazz"}])");
  const auto pointers = PointersOf(Put("/templates/tpl_mine", foreign));
  EXPECT_THAT(pointers, Contains("/variables/voice/default"));
  EXPECT_THAT(pointers, Contains("/elements/0/source"));
}

TEST_F(BulkApiTemplatesTest, WhileTooManyAreCheckedOneIsToTryAgain) {
  BulkApiOptions options = Options();
  options.templates.checks_max = 0;
  BulkApi busy{*store_, catalog_, sheets_, clock_, options};
  const Answer put = Ask(busy, "PUT", "/api/v1/templates/tpl_mine", Template().dump(), {});
  EXPECT_EQ(put.status, 503) << put.text;
  EXPECT_EQ(put.headers.at("Retry-After"), "1");
  EXPECT_EQ(Get("/templates/tpl_mine").status, 404);
}

TEST_F(BulkApiTemplatesTest, WhatIsNoJsonOrTooDeepOrTooLongIsRefused) {
  const auto put = [&](const std::string& body) {
    return Ask("PUT", "/api/v1/templates/tpl_mine", body, {}).status;
  };
  EXPECT_EQ(put(""), 400);
  EXPECT_EQ(put("{"), 400);
  EXPECT_EQ(put("[]"), 400);
  EXPECT_EQ(put("{\"name\": \"\xff\"}"), 400);
  EXPECT_EQ(put(R"({"name": "a", "name": "b"})"), 400) << "a key twice";
  EXPECT_EQ(put(std::string(100'000, '[')), 400);
  EXPECT_EQ(put(std::string((1 << 20) + 1, ' ')), 413);
}

TEST_F(BulkApiTemplatesTest, EverybodysTemplatesCannotBeReplacedAndIdsHaveAForm) {
  const Answer taken = Put("/templates/tpl_promotional", Template());
  EXPECT_EQ(taken.status, 409);
  EXPECT_EQ(taken.body["error_code"], "conflict");
  EXPECT_EQ(Put("/templates/mine", Template()).status, 400);
  EXPECT_EQ(Put("/templates/tpl_Mine", Template()).status, 400);
  EXPECT_EQ(Put("/templates/tpl_", Template()).status, 400);
  EXPECT_EQ(Put("/templates/tpl_" + std::string(61, 'a'), Template()).status, 400);
  EXPECT_EQ(Put("/templates/..%2Ftpl_x", Template()).status, 404);
}

TEST_F(BulkApiTemplatesTest, AnotherTenantSeesNothingOfIt) {
  Put("/templates/tpl_mine", Template());
  UseKey("zeta-key");
  EXPECT_EQ(Get("/templates/tpl_mine").status, 404);
  const Answer refused = Post("/bulk-jobs", JobOf("tpl_mine"));
  EXPECT_THAT(PointersOf(refused), Contains("/template/template_id"));
  EXPECT_EQ(Put("/templates/tpl_mine", Template("theirs")).body["version"], 1);
  UseKey("acme-key");
  EXPECT_EQ(Get("/templates/tpl_mine").body["template"]["name"], "mine");
}

TEST_F(BulkApiTemplatesTest, AListNamesEverybodysAndTheTenantsOwn) {
  Put("/templates/tpl_mine", Template("first"));
  Put("/templates/tpl_mine", Template("second"));
  const json data = Get("/templates").body["data"];
  ASSERT_EQ(data.size(), 2U);
  EXPECT_EQ(data[0]["template_id"], "tpl_promotional");
  EXPECT_EQ(data[0]["origin"], "shipped");
  EXPECT_EQ(data[0]["version"], nullptr);
  EXPECT_EQ(data[1]["template_id"], "tpl_mine");
  EXPECT_EQ(data[1]["version"], 2);
  json body = JobOf("tpl_mien");
  EXPECT_THAT(Post("/bulk-jobs", body).text, HasSubstr("did you mean \\\"tpl_mine\\\"?"));
}

TEST_F(BulkApiTemplatesTest, AKeyNeedsTheScopeToUpload) {
  UseKey("reader-key");
  const Answer refused = Put("/templates/tpl_mine", Template());
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.text, HasSubstr("templates:write"));
  EXPECT_EQ(Get("/templates/tpl_promotional").status, 200);
}

TEST_F(BulkApiTemplatesTest, ATenantHasNoMoreThanItsQuota) {
  BulkApiOptions options = Options();
  options.templates.quota = {.templates_max = 1, .versions_max = 2};
  BulkApi api(*store_, catalog_, sheets_, clock_, options);
  const auto put = [&](const std::string& id, const std::string& name) {
    return Ask(api, "PUT", "/api/v1/templates/" + id, Template(name).dump(), {});
  };
  EXPECT_EQ(put("tpl_a", "1").status, 201);
  const Answer refused = put("tpl_b", "1");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body["error_code"], "quota_exceeded");
  EXPECT_EQ(put("tpl_a", "2").status, 201);
  EXPECT_EQ(put("tpl_a", "3").body["error_code"], "quota_exceeded");
  EXPECT_EQ(put("tpl_a", "2").status, 200) << "what is there already costs nothing";
}

}  // namespace
}  // namespace rn
