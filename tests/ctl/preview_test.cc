#include "ctl/preview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTemplate[] = R"({
  "schema": "1", "name": "card", "output": {"width": 160, "height": 90, "fps": 25},
  "variables": {"title": {"type": "string", "required": true, "max_length": 10},
                "image_url": {"type": "image", "required": true},
                "clip": {"type": "video"},
                "tint": {"type": "color", "required": true},
                "cta": {"type": "string", "default": "Buy"}},
  "scenes": [{"duration": 1, "elements": [
    {"type": "image", "source": "{{image_url}}"},
    {"type": "shape", "fill_color": "{{tint}}", "opacity": 0.5},
    {"type": "text", "text": "{{title}} {{cta}}"}]}]})";

class PreviewTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("card.json", kTemplate);
    Write("voices.json", R"({"female": {"engine": "flite", "voice": "slt"}})");
    args_.job.template_name = "card";
    args_.job.templates = folder_.path().string();
    args_.folder = folder_.path() / "out";
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() / name) << text;
  }

  std::vector<std::string> Names(const Preview& preview) {
    std::vector<std::string> names;
    for (const auto& file : preview.files) {
      EXPECT_TRUE(std::filesystem::is_regular_file(file)) << file;
      names.push_back(file.filename());
    }
    return names;
  }

  TempDir folder_ = *TempDir::Create("preview");
  PreviewArgs args_;
};

TEST_F(PreviewTest, WithoutARowWhatIsRequiredIsMadeUp) {
  args_.frames = 2;
  const auto preview = PreviewTemplate(args_);
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_THAT(Names(*preview),
              ElementsAre("frame-00.24s.png", "frame-00.72s.png", "contact-sheet.png"));
  EXPECT_THAT(preview->made_up, ElementsAre("image_url", "tint", "title"));
}

TEST_F(PreviewTest, AtGivenTimesWithGivenValuesAsJpeg) {
  args_.values = {"title=Hi", "tint=#f00"};
  args_.seconds = {0.5, 0};
  args_.format = "jpg";
  const auto preview = PreviewTemplate(args_);
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_THAT(Names(*preview),
              ElementsAre("frame-00.00s.jpg", "frame-00.52s.jpg", "contact-sheet.png"));
  EXPECT_THAT(preview->made_up, ElementsAre("image_url"));
}

TEST_F(PreviewTest, WhatARowLacksIsItsMistake) {
  Write("rows.csv", "Title\nHello\n");
  args_.sheet = folder_.path() / "rows.csv";
  args_.row = 2;
  EXPECT_THAT(std::string(PreviewTemplate(args_).status().message()),
              HasSubstr("image_url: a value is required"));
}

TEST_F(PreviewTest, MistakenArgumentsSayWhatWouldBeValid) {
  args_.format = "pgn";
  EXPECT_THAT(std::string(PreviewTemplate(args_).status().message()),
              HasSubstr("unknown format \"pgn\"; did you mean \"png\"?"));
  args_.format = "png";
  args_.seconds = {1.5};
  EXPECT_EQ(std::string(PreviewTemplate(args_).status().message()),
            "--at 1.5: the video is 1.00 s long");
}

}  // namespace
}  // namespace rn
