#include "catalog/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "proto/item_error.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kTemplate[] = R"({
  "schema": "1", "name": "promo", "output": {"width": 1920, "height": 1080},
  "variables": {"title": {"type": "string", "required": true},
                "image_url": {"type": "image", "required": true},
                "badge": {"type": "string"},
                "voice": {"type": "voice", "default": "female"}},
  "styles": {"modern": {}, "premium": {}}, "color_schemes": {"premium_gold": {}},
  "scenes": [{"elements": []}],
  "elements": [{"type": "audio", "source": "music:upbeat", "loop": true}]})";

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::make_unique<TempDir>(*TempDir::Create("catalog"));
    Write("tpl_promo.json", kTemplate);
    Write("voices.json",
          R"({"female": {"engine": "flite", "voice": "slt"},
              "male": {"engine": "espeak-ng", "voice": "en-us", "words_per_minute": 150}})");
    Write("music/upbeat.m4a", "one");
    Write("music/launch.m4a", "two");
    Write("music/compose.py", "how they were made");
  }

  void Write(const std::string& name, const std::string& text) {
    const auto path = folder_->path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  absl::StatusOr<Catalog> Load() {
    return Catalog::Load(
        {.folder = folder_->path(), .asset_url_base = "http://coordinator/assets"});
  }

  static JobRequest Request() {
    return {.job_id = "job_1", .template_id = "tpl_promo", .resolution = "1080p"};
  }

  std::unique_ptr<TempDir> folder_;
  std::vector<RequestProblem> problems_;
};

TEST_F(CatalogTest, AJobCarriesItsTemplateVoicesAndMusicByDigest) {
  const auto catalog = Load();
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const auto spec = catalog->BuildJobSpec(Request(), &problems_);
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->template_json(), kTemplate);
  EXPECT_EQ(spec->voices().at("male").words_per_minute(), 150);
  ASSERT_EQ(spec->assets_size(), 1);
  EXPECT_EQ(spec->assets(0).name(), "music:upbeat");
  EXPECT_EQ(spec->assets(0).url(), "http://coordinator/assets/" + Sha256("one"));
  EXPECT_EQ(catalog->AssetPath(Sha256("one")), folder_->path() / "music/upbeat.m4a");
  EXPECT_EQ(catalog->AssetPath("../voices.json"), std::nullopt);
}

TEST_F(CatalogTest, MusicOfAnOverrideComesAlong) {
  const auto catalog = Load();
  JobRequest request = Request();
  request.overrides["background_music"] = "launch";
  const auto spec = catalog->BuildJobSpec(request, &problems_);
  ASSERT_TRUE(spec.has_value());
  ASSERT_EQ(spec->assets_size(), 2);
  EXPECT_EQ(spec->assets(1).name(), "music:launch");
}

TEST_F(CatalogTest, EveryMistakeOfARequestIsNamedAtOnceWithTheNearestValidName) {
  const auto catalog = Load();
  JobRequest request = Request();
  request.resolution = "1081p";
  request.overrides = {{"style", "modren"},
                       {"voice", "femal"},
                       {"background_music", "beat"},
                       {"colour_scheme", "x"}};
  EXPECT_EQ(catalog->BuildJobSpec(request, &problems_), std::nullopt);
  std::vector<std::string> pointers;
  for (const RequestProblem& problem : problems_) {
    pointers.push_back(problem.pointer);
  }
  EXPECT_THAT(pointers,
              UnorderedElementsAre("/template/overrides/style",
                                   "/template/overrides/voice",
                                   "/template/overrides/background_music",
                                   "/template/overrides/colour_scheme",
                                   "/output/resolution"));
  EXPECT_THAT(problems_[3].message, HasSubstr("did you mean \"female\"?"));
}

TEST_F(CatalogTest, AnUnknownTemplateIsAnErrorThatListsTheValidOnes) {
  const auto catalog = Load();
  JobRequest request = Request();
  request.template_id = "tpl_pormo";
  EXPECT_EQ(catalog->BuildJobSpec(request, &problems_), std::nullopt);
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_THAT(problems_[0].message, HasSubstr("tpl_promo"));
}

TEST_F(CatalogTest, TheResolutionIsOfTheShorterSide) {
  const auto catalog = Load();
  JobRequest request = Request();
  request.resolution = "480p";
  EXPECT_EQ(catalog->BuildJobSpec(request, &problems_)->output().width(), 854u);
  request.aspect_ratio = "9:16";
  request.resolution = "1080p";
  const auto output = catalog->BuildJobSpec(request, &problems_)->output();
  EXPECT_EQ(output.width(), 1080u);
  EXPECT_EQ(output.height(), 1920u);
}

TEST_F(CatalogTest, AnImageColumnBecomesAnAssetAndEmptyCellsAreLeftOut) {
  const auto catalog = Load();
  const auto job = catalog->BuildJobSpec(Request(), &problems_);
  const auto item = catalog->BuildItemSpec(
      *job,
      7,
      {{"title", "Hello"}, {"image_url", "https://a/b.jpg"}, {"badge", ""}, {"script", "x"}});
  ASSERT_TRUE(item.ok()) << item.status();
  EXPECT_EQ(item->row(), 7u);
  EXPECT_EQ(item->values().size(), 2u);
  ASSERT_EQ(item->assets_size(), 1);
  EXPECT_EQ(item->assets(0).name(), "image_url");
  EXPECT_EQ(item->assets(0).kind(), rendernode::Asset::IMAGE);
}

TEST_F(CatalogTest, ARowWithoutARequiredValueFailsAloneAndSaysEveryReason) {
  const auto catalog = Load();
  const auto job = catalog->BuildJobSpec(Request(), &problems_);
  const auto item = catalog->BuildItemSpec(*job, 3, {{"image_url", "lake.jpg"}});
  EXPECT_EQ(ItemErrorOf(item.status()), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  EXPECT_THAT(std::string(item.status().message()), HasSubstr("row 3: "));
  EXPECT_THAT(std::string(item.status().message()), HasSubstr("title: a value is required"));
  EXPECT_THAT(std::string(item.status().message()), HasSubstr("\"lake.jpg\" is not a URL"));
}

TEST_F(CatalogTest, ARequiredValueThatHasADefaultMayBeLeftEmpty) {
  Write("tpl_promo.json",
        absl::StrReplaceAll(kTemplate,
                            {{R"("title": {"type": "string", "required": true})",
                              R"("title": {"type": "string", "required": true, "default": "Hi"},
                                 "price": {"type": "number", "required": true, "default": 5})"}}));
  const auto catalog = Load();
  const auto job = catalog->BuildJobSpec(Request(), &problems_);
  const auto item = catalog->BuildItemSpec(*job, 3, {{"image_url", "https://a/b.jpg"}});
  ASSERT_TRUE(item.ok()) << item.status();
  EXPECT_EQ(item->values().count("title"), 0u);
}

TEST_F(CatalogTest, BlanksAreNoValue) {
  const auto catalog = Load();
  const auto job = catalog->BuildJobSpec(Request(), &problems_);
  const auto item =
      catalog->BuildItemSpec(*job, 3, {{"title", " \t"}, {"image_url", "https://a/b.jpg"}});
  EXPECT_THAT(std::string(item.status().message()), HasSubstr("title: a value is required"));
}

TEST_F(CatalogTest, AColumnThatTheTemplateDoesNotKnowIsAMistakeOfTheSheet) {
  const auto catalog = Load();
  catalog->CheckColumns("tpl_promo", {"title", "script", "image_url", "", "bagde"}, &problems_);
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_EQ(problems_[0].pointer, "/input_source");
  EXPECT_THAT(problems_[0].message, HasSubstr("did you mean \"badge\"?"));
}

TEST_F(CatalogTest, ATemplateThatBreaksARuleIsAnErrorWithItsPointer) {
  const auto refusal = [&](const std::string& text) {
    Write("broken.json", text);
    return std::string(Load().status().message());
  };
  for (const char* width : {"0", "-1", "4294967296", "1e300", "1.5", "\"1920\"", "null"}) {
    EXPECT_THAT(refusal(absl::StrCat(R"({"output": {"width": )", width, R"(, "height": 1080}})")),
                HasSubstr("broken.json: /output/width: must be a whole number of pixels from 16"))
        << width;
  }
  EXPECT_THAT(refusal(R"({"output": {"width": 1920}})"), HasSubstr("/output/height: must be"));
  EXPECT_THAT(refusal(R"({"output": {"width": 1920, "height": 1080}, "variables": [1]})"),
              HasSubstr("/variables: must be an object"));
}

TEST_F(CatalogTest, AJobOfATemplateThatIsNotHereIsAnErrorOfItsRows) {
  const auto catalog = Load();
  rendernode::JobSpec job;
  job.set_template_id("tpl_gone");
  const auto item = catalog->BuildItemSpec(job, 2, {});
  EXPECT_EQ(ItemErrorOf(item.status()), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  EXPECT_THAT(std::string(item.status().message()), HasSubstr("tpl_gone"));
}

TEST_F(CatalogTest, AFolderThatCannotBeUsedSaysEveryReason) {
  Write("broken.json", "{");
  Write("voices.json", R"({"female": {"engine": "flite", "vioce": "slt"}})");
  const auto catalog = Load();
  EXPECT_THAT(std::string(catalog.status().message()), HasSubstr("broken.json"));
  EXPECT_THAT(std::string(catalog.status().message()), HasSubstr("vioce"));
}

// What clients of the API name, whichever template they name it for.
class ShippedCatalogTest : public ::testing::TestWithParam<const char*> {
 protected:
  static Catalog Shipped() { return *Catalog::Load({.folder = RN_SOURCE_DIR "/templates"}); }

  std::vector<RequestProblem> Problems(const std::map<std::string, std::string>& overrides) const {
    std::vector<RequestProblem> problems;
    const auto spec = catalog_.BuildJobSpec(
        {.job_id = "job_1", .template_id = GetParam(), .overrides = overrides}, &problems);
    EXPECT_EQ(spec.has_value(), problems.empty());
    return problems;
  }

  const Catalog catalog_ = Shipped();
};

TEST_P(ShippedCatalogTest, TakesEveryNameThatTheApiPromises) {
  const std::map<std::string, std::vector<std::string>> names = {
      {"style", {"modern", "educational", "casual", "premium", "authentic"}},
      {"voice",
       {"professional_female",
        "professional",
        "female",
        "male",
        "natural",
        "clear_male",
        "energetic_female"}},
      {"background_music", {"upbeat_corporate", "corporate_upbeat", "launch_anthem"}},
      {"color_scheme", {"premium_gold", "ocean", "sunset", "forest", "ruby"}}};
  for (const auto& [override, values] : names) {
    for (const std::string& value : values) {
      EXPECT_THAT(Problems({{override, value}}), IsEmpty()) << override << " " << value;
    }
    const auto problems = Problems({{override, "no-such-name"}});
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].pointer, "/template/overrides/" + override);
    for (const std::string& value : values) EXPECT_THAT(problems[0].message, HasSubstr(value));
  }
}

TEST(ShippedTemplatesTest, AreTheSevenThatTheApiPromises) {
  const auto catalog = Catalog::Load({.folder = RN_SOURCE_DIR "/templates"});
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  EXPECT_THAT(catalog->template_ids(),
              UnorderedElementsAre("tpl_promotional",
                                   "tpl_tutorial",
                                   "tpl_testimonial",
                                   "tpl_standard",
                                   "tpl_concept",
                                   "tpl_adaptive",
                                   "tpl_example"));
}

TEST_P(ShippedCatalogTest, IsATemplateThatATenantMayUploadAsItsOwn) {
  std::vector<RequestProblem> problems;
  EXPECT_TRUE(catalog_.ReadTemplate(catalog_.FindTemplate(GetParam())->json, &problems));
  for (const RequestProblem& problem : problems) {
    ADD_FAILURE() << problem.pointer << ": " << problem.message;
  }
}

// A client runs one sheet through several templates.
TEST_P(ShippedCatalogTest, TakesTheSampleSheetsColumns) {
  std::vector<RequestProblem> problems;
  catalog_.CheckColumns(
      GetParam(),
      {"title", "script", "image_url", "badge", "brand", "cta", "website", "voice"},
      &problems);
  EXPECT_THAT(problems, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All,
                         ShippedCatalogTest,
                         ::testing::Values("tpl_promotional",
                                           "tpl_tutorial",
                                           "tpl_testimonial",
                                           "tpl_standard",
                                           "tpl_concept",
                                           "tpl_adaptive",
                                           "tpl_example"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace rn
