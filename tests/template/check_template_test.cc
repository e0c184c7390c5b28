// What a template's text tells of its mistakes before there is a row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "template/template_document.h"
#include "template/template_model.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

json Document() {
  return json::parse(R"({
    "schema": "1", "name": "t", "output": {"width": 400, "height": 200, "fps": 30},
    "variables": {"title": {"type": "string"}, "size": {"type": "number"},
                  "tint": {"type": "color"}, "photo": {"type": "image"}},
    "theme": {"colors": {"accent": "#ffb400"}, "fonts": {"head": "Inter"}},
    "styles": {"loud": {}, "calm": {}}, "color_schemes": {"night": {}},
    "variants": {"9x16": {"width": 200, "height": 400}},
    "scenes": [{"duration": 2, "elements": []}]})");
}

json WithElement(const std::string& element) {
  json document = Document();
  document["scenes"][0]["elements"].push_back(json::parse(element));
  return document;
}

std::vector<std::string> Mistakes(const json& document, const FontFamilies* fonts = nullptr) {
  std::vector<std::string> mistakes;
  for (const Problem& problem : CheckTemplate(document, fonts)) {
    mistakes.push_back(absl::StrCat(problem.pointer, ": ", problem.message));
  }
  return mistakes;
}

struct Mistake {
  std::string element, pointer, message;
};

class CheckTemplateTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(CheckTemplateTest, FindsWhatTheSchemaDoesNot) {
  const json document = WithElement(GetParam().element);
  const std::vector<Problem> problems = CheckTemplate(document, nullptr);
  ASSERT_THAT(problems, SizeIs(1)) << testing::PrintToString(Mistakes(document));
  EXPECT_EQ(problems[0].pointer, absl::StrCat("/scenes/0/elements/0", GetParam().pointer));
  EXPECT_THAT(problems[0].message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    CheckTemplateTest,
    ::testing::Values(
        Mistake{R"({"type": "text", "text": "{{titel}}"})", "/text", "did you mean \"title\"?"},
        Mistake{R"({"type": "text", "text": "{{title"})", "/text", "expected an operator or"},
        Mistake{R"({"type": "text", "text": "x", "condition": "{{title}} {{size}}"})",
                "/condition",
                "a condition is one"},
        Mistake{R"({"type": "shape", "fill_color": "$acent"})", "/fill_color", "$accent"},
        Mistake{R"({"type": "shape", "fill_color": "#12345"})", "/fill_color", "not a colour"},
        Mistake{R"({"type": "shape", "fill_color": "#fff", "width": "3 metres"})", "/width", "vw"},
        Mistake{R"({"type": "shape", "fill_color": "#fff",
                    "animations": [{"type": "fade", "easing": "cubic-oot"}]})",
                "/animations/0/easing",
                "did you mean \"cubic-out\"?"},
        Mistake{R"({"type": "shape", "fill_color": "#fff", "opacity": [
                    {"time": 1, "value": 0}, {"time": 0.5, "value": 1}]})",
                "/opacity/1/time",
                "in order"},
        Mistake{
            R"({"type": "text", "text": "x", "font_family": "$heat"})", "/font_family", "$head"},
        Mistake{R"({"type": "text", "text": "<b>x", "markup": true})", "/text", "never closed"},
        Mistake{R"({"type": "captions", "source": "@speaker", "color": "#fff",
                    "effect": "karaoke"})",
                "/source",
                "unknown voice element \"speaker\""},
        Mistake{R"({"type": "image", "source": "{{title}}"})", "/source", "is of type string"},
        Mistake{R"({"type": "audio", "source": "music:x", "duck": {"under": "nobody"}})",
                "/duck/under",
                "unknown sound \"nobody\""},
        Mistake{R"({"type": "text", "text": "x", "variants": {"1x1": {"x": 0}}})",
                "/variants/1x1",
                "9x16"}));

TEST(CheckTemplateOfPartsTest, StylesAndSchemesChangeOnlyWhatTheThemeHas) {
  json document = Document();
  document["styles"]["calm"]["colors"] = {{"acent", "#fff"}};
  document["color_schemes"]["night"] = {{"acent", "#000"}};
  EXPECT_THAT(Mistakes(document),
              ElementsAre(HasSubstr("/styles/calm/colors/acent: unknown colour"),
                          HasSubstr("/color_schemes/night/acent: unknown colour")));
}

TEST(CheckTemplateOfPartsTest, AMistakeOfOneStyleIsFoundAndOneOfAllStylesIsOne) {
  json document = WithElement(R"({"type": "text", "text": "{{nobody}}"})");
  document["styles"]["calm"]["defaults"] = {{"text", {{"font_size", "huge"}}}};
  EXPECT_THAT(Mistakes(document),
              ElementsAre(HasSubstr("/scenes/0/elements/0/text: unknown variable"),
                          HasSubstr("/styles/calm/defaults/text/font_size: ")));
}

TEST(CheckTemplateOfPartsTest, TwoOfOneNameAreAMistake) {
  json document = Document();
  const json voice =
      json::parse(R"({"type": "voice", "name": "narrator", "voice": "female", "text": "Hello."})");
  document["scenes"][0]["elements"] = {voice, voice};
  EXPECT_THAT(Mistakes(document),
              ElementsAre(HasSubstr("/scenes/0/elements/1/name: \"narrator\" is already at")));
}

// What only a row can tell is no mistake before there is one.
TEST(CheckTemplateOfPartsTest, VariablesMayStandWhereverTheyWillBeKnown) {
  json document = WithElement(R"({"type": "text", "text": "{{title}}", "markup": true,
      "fill_color": "{{tint}}", "width": "{{size}}", "font_size": "{{size}}vmin",
      "font_family": "{{title}}", "condition": "{{title != '' && size == '3'}}",
      "opacity": "{{size}}%", "rotation": "{{size}}"})");
  document["scenes"][0]["elements"].push_back(
      json::parse(R"({"type": "image", "source": "{{photo}}"})"));
  document["theme"]["colors"]["brand"] = "{{tint}}";
  EXPECT_THAT(Mistakes(document), IsEmpty());
}

TEST(CheckTemplateOfPartsTest, FontsAreCheckedOnlyWhereTheyAreKnown) {
  const json document = WithElement(
      R"({"type": "text", "text": "<span font=Latto>x</span>", "markup": true,
          "font_family": "Latto"})");
  EXPECT_THAT(Mistakes(document), IsEmpty());
  const FontFamilies fonts = {"inter", "Lato"};
  EXPECT_THAT(Mistakes(document, &fonts),
              ElementsAre(HasSubstr("/font_family: font \"Latto\" is not installed; did you mean "
                                    "\"Lato\"?"),
                          HasSubstr("/text: markup, character 1: font \"Latto\"")));
}

TEST(CheckTemplateOfPartsTest, ATemplateFullOfMistakesGetsAShortAnswer) {
  json document = Document();
  json element = json::parse(R"({"type": "shape"})");
  std::string names;
  for (int i = 0; i < 500; ++i) absl::StrAppend(&names, "{{nobody", i, "}}");
  element["fill_color"] = names;
  for (int i = 0; i < 200; ++i) {
    document["variables"][absl::StrCat("variable_of_a_long_name_", i)] = {{"type", "string"}};
  }
  for (int i = 0; i < 900; ++i) document["scenes"][0]["elements"].push_back(element);
  for (int i = 0; i < 60; ++i) document["styles"][absl::StrCat("style_", i)] = json::object();
  const std::vector<Problem> problems = CheckTemplate(document, nullptr);
  EXPECT_THAT(problems, SizeIs(kProblemsMax + 1));
  std::size_t bytes = 0;
  for (const Problem& problem : problems) bytes += problem.message.size();
  EXPECT_LT(bytes, 100'000U);
  const absl::Status status = ProblemsToStatus(problems);
  EXPECT_THAT(std::string(status.message()), HasSubstr("more than 100 problems:"));
}

TEST(CheckTemplateOfPartsTest, EveryShippedTemplatePassesWithoutFonts) {
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(RN_SOURCE_DIR "/templates")) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("tpl_", 0) != 0 || entry.path().extension() != ".json") continue;
    const auto text = ReadFile(entry.path(), 1 << 20);
    ASSERT_TRUE(text.ok()) << text.status();
    std::vector<Problem> problems;
    const json document = ParseDocument(*text, TemplateLimits(), &problems);
    ASSERT_THAT(problems, IsEmpty()) << name;
    EXPECT_THAT(Mistakes(document), IsEmpty()) << name;
    ++seen;
  }
  EXPECT_GE(seen, 7);
}

}  // namespace
}  // namespace rn
