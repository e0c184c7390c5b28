#include "ctl/local_render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "ctl/validation.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

constexpr char kTemplate[] = R"({
  "schema": "1", "name": "card", "output": {"width": 160, "height": 90, "fps": 25,
    "preview": {"frames": 3, "width": 16}},
  "variables": {"title": {"type": "string", "required": true, "max_length": 10},
                "image_url": {"type": "image"},
                "badge": {"type": "string"}},
  "styles": {"modern": {}, "premium": {}},
  "scenes": [{"duration": 0.2, "elements": [
    {"type": "shape", "fill_color": "#203040"},
    {"type": "image", "source": "{{image_url}}", "condition": "{{image_url != ''}}"},
    {"type": "text", "text": "{{title}}"}]}]})";

class LocalRenderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("card.json", kTemplate);
    Write("voices.json", R"({"female": {"engine": "flite", "voice": "slt"}})");
    args_.job.template_name = "card";
    args_.job.templates = folder_.path().string();
    args_.output = folder_.path() / "out" / "card.mp4";
  }

  std::string Write(const std::string& name, const std::string& text) {
    const auto path = folder_.path() / name;
    std::ofstream(path) << text;
    return path.string();
  }

  absl::StatusOr<rendernode::ItemResult> Run() {
    return RenderHere(args_, Clock::System(), [&](const RenderProgress& progress) {
      frames_done_ = progress.frames_done;
    });
  }

  std::string ErrorOfRun() {
    const auto result = Run();
    EXPECT_TRUE(absl::IsInvalidArgument(result.status())) << result.status();
    return std::string(result.status().message());
  }

  std::string ErrorOfValidation(const std::string& sheet = "") {
    const auto summary = Validate(args_.job, sheet);
    EXPECT_TRUE(absl::IsInvalidArgument(summary.status())) << summary.status();
    return std::string(summary.status().message());
  }

  TempDir folder_ = *TempDir::Create("local-render");
  LocalRenderArgs args_;
  std::int64_t frames_done_ = 0;
};

TEST_F(LocalRenderTest, ARowBecomesAVideoWithItsPicturesBesideIt) {
  args_.values = {"title=Hello"};
  const auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(args_.output.parent_path())) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("card.mp4", "card.jpg", "card.preview.jpg"));
  EXPECT_EQ(result->artifacts(0).path(), args_.output.string());
  EXPECT_EQ(frames_done_, 5);
}

TEST_F(LocalRenderTest, ValuesOnTheCommandLineWinOverTheSheets) {
  args_.sheet = Write("rows.csv", "title,script,image_url\nfar too long a title,,\n");
  args_.row = 2;
  args_.values = {"title=Short"};
  EXPECT_TRUE(Run().ok());
}

TEST_F(LocalRenderTest, ARowThatTheSheetLacksIsToldItsRange) {
  args_.sheet = Write("rows.csv", "title,script,image_url\nOne,,\nTwo,,\n");
  args_.row = 9;
  EXPECT_THAT(ErrorOfRun(), HasSubstr("has its rows from 2 to 3"));
}

TEST_F(LocalRenderTest, WrongArgumentsSayWhatWouldBeRight) {
  args_.row = 2;
  EXPECT_THAT(ErrorOfRun(), HasSubstr("--row and --sheet go together"));
  args_.row = 0;
  args_.values = {"title"};
  EXPECT_THAT(ErrorOfRun(), HasSubstr("write NAME=VALUE"));
  args_.values = {"title=One", "title=Two"};
  EXPECT_THAT(ErrorOfRun(), HasSubstr("--set title: given twice"));
  args_.values = {"title=One", "bagde=New"};
  EXPECT_THAT(ErrorOfRun(), HasSubstr("did you mean \"badge\"?"));
  args_.values = {"title=One"};
  args_.output = "out.avi";
  EXPECT_THAT(ErrorOfRun(), HasSubstr("the video is an .mp4 file"));
}

TEST_F(LocalRenderTest, AFailedRenderLeavesNothingBehind) {
  args_.values = {"title=One", absl::StrCat("image_url=", Write("not-a.jpg", "text"))};
  EXPECT_FALSE(Run().ok());
  EXPECT_TRUE(std::filesystem::is_empty(args_.output.parent_path()));
}

TEST_F(LocalRenderTest, AnUnknownTemplateNamesTheNearest) {
  args_.job.template_name = "crad";
  EXPECT_THAT(ErrorOfValidation(), HasSubstr("did you mean \"card\"?"));
}

TEST_F(LocalRenderTest, ValidationNamesEveryMistakeOfATemplateWithItsPlace) {
  args_.job.template_name = Write("wrong.json", R"({
    "schema": "1", "name": "wrong", "output": {"width": 161, "height": 90},
    "scenes": [{"duration": 1, "elements": [{"type": "text", "text": "{{titel}}", "colour": "#fff"}]}],
    "variables": {"title": {"type": "string"}}})");
  const std::string error = ErrorOfValidation();
  EXPECT_THAT(error, HasSubstr("/output/width: must be even"));
  EXPECT_THAT(error, HasSubstr("/scenes/0/elements/0/text"));
  EXPECT_THAT(error, HasSubstr("did you mean \"title\"?"));
  EXPECT_THAT(error, HasSubstr("/scenes/0/elements/0/colour"));
}

TEST_F(LocalRenderTest, ValidationNamesEveryRowThatDoesNotFit) {
  const std::string sheet = Write("rows.csv",
                                  "title,script,image_url,bagde\n"
                                  "Good,,,\n"
                                  "far too long a title,,,\n"
                                  ",Script without a title,,\n"
                                  "Three,,nowhere.jpg,\n");
  const std::string error = ErrorOfValidation(sheet);
  EXPECT_THAT(error, HasSubstr("unknown column \"bagde\"; did you mean \"badge\"?"));
  EXPECT_THAT(error, HasSubstr("row 3: title: has 20 characters; at most 10"));
  EXPECT_THAT(error, HasSubstr("row 4: title: a value is required"));
  EXPECT_THAT(error, HasSubstr("row 5: image_url: there is no file"));
}

TEST_F(LocalRenderTest, ValidationOfOverridesNamesTheNearest) {
  args_.job.overrides = {"style=premum"};
  EXPECT_THAT(ErrorOfValidation(), HasSubstr("did you mean \"premium\"?"));
}

TEST_F(LocalRenderTest, WhatFitsIsSaidToFit) {
  const auto summary =
      Validate(args_.job, Write("rows.csv", "title,script,image_url\nOne,,\nTwo,,\n"));
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_THAT(*summary, HasSubstr("2 rows fit it"));
}

}  // namespace
}  // namespace rn
