// Every template in templates/, in every shape, style and colour scheme, over rows of a word and
// rows as long as its variables allow: nothing overflows, stands on something else, lacks a glyph,
// is hard to read or moves without end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "pipeline/compositor.h"
#include "pipeline/scene.h"
#include "template/palette.h"
#include "template/template_model.h"
#include "tests/pipeline/image_files.h"

namespace rn {
namespace {

using ::testing::IsEmpty;

constexpr char kFolder[] = RN_SOURCE_DIR "/templates";
constexpr const char* kStyles[] = {"modern", "educational", "casual", "premium", "authentic"};
constexpr const char* kSchemes[] = {"", "premium_gold", "ocean", "sunset", "forest", "ruby"};

Speech SpokenAs(const std::string& script) {
  constexpr absl::Duration kWord = absl::Milliseconds(400);
  Speech speech;
  std::size_t byte = 0;
  absl::Duration now;
  for (const absl::string_view word : absl::StrSplit(script, ' ', absl::SkipEmpty())) {
    byte = script.find(std::string(word), byte);
    speech.words.push_back({std::string(word), byte, byte + word.size(), now, now + kWord});
    now += kWord;
  }
  speech.audio.samples.resize(static_cast<std::size_t>(ToSampleFrames(now)));
  return speech;
}

// `length` characters of words as long as people's are.
std::string Words(std::size_t length) {
  static const std::vector<std::string> words = {"Overnight",
                                                 "repair",
                                                 "with",
                                                 "vitamin",
                                                 "and",
                                                 "hyaluronic",
                                                 "acid",
                                                 "that",
                                                 "wakes",
                                                 "your",
                                                 "skin",
                                                 "before",
                                                 "internationally"};
  std::string text;
  for (std::size_t i = 0; text.size() < length; ++i) {
    absl::StrAppend(&text, text.empty() ? "" : " ", words[i % words.size()]);
  }
  text.resize(length);
  while (text.back() == ' ') text.back() = 'n';
  return text;
}

// Where something inked stands in the frame, and what of it.
struct Ink {
  std::string pointer;
  IntRect rect;
  bool caption = false;
};

bool Overlap(const IntRect& a, const IntRect& b) {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

std::string SceneOfPointer(const std::string& pointer) {
  const std::vector<std::string> steps = absl::StrSplit(pointer, '/');
  return steps.size() > 2 ? absl::StrCat(steps[1], "/", steps[2]) : "";
}

Ink InkOf(const Element& element, const RasterText& text) {
  EXPECT_FALSE(text.overflows) << "at " << text.font_size_px << " px";
  EXPECT_THAT(text.missing_glyphs, IsEmpty());
  return {element.pointer,
          {static_cast<int>(element.box.x) + text.x,
           static_cast<int>(element.box.y) + text.y,
           text.raster.width,
           text.raster.height}};
}

std::vector<Ink> InksOf(const Scene& scene) {
  std::vector<Ink> inks;
  for (const Element& element : scene.elements()) {
    SCOPED_TRACE(element.pointer);
    if (const auto* text = std::get_if<TextContent>(&element.content)) {
      const auto raster = RasteriseText(text->spec);
      EXPECT_TRUE(raster.ok()) << raster.status();
      if (!raster.ok()) continue;
      const TextStyle& style = text->spec.style;
      EXPECT_TRUE(!style.auto_fit || raster->font_size_px > style.font_size_min_px)
          << "as small as it may be: " << text->spec.text;
      inks.push_back(InkOf(element, *raster));
    } else if (const auto* captions = std::get_if<CaptionContent>(&element.content)) {
      for (const CaptionPage& page : captions->pages) {
        const auto raster = RasteriseCaption(captions->spec, page, 0);
        EXPECT_TRUE(raster.ok()) << raster.status();
        if (!raster.ok()) continue;
        inks.push_back(InkOf(element, *raster));
        inks.back().caption = true;
      }
    }
  }
  return inks;
}

void ExpectInsideTheSafeArea(const Scene& scene, const Ink& ink) {
  const int x_margin = scene.width() / 25;
  const int y_margin = scene.height() / 25;
  EXPECT_GE(ink.rect.x, x_margin) << ink.pointer;
  EXPECT_GE(ink.rect.y, y_margin) << ink.pointer;
  EXPECT_LE(ink.rect.x + ink.rect.w, scene.width() - x_margin) << ink.pointer;
  EXPECT_LE(ink.rect.y + ink.rect.h, scene.height() - y_margin) << ink.pointer;
}

// Texts of one scene among each other; caption pages of one element take turns.
void ExpectApart(const std::vector<Ink>& inks) {
  for (std::size_t i = 0; i < inks.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (inks[i].pointer == inks[k].pointer ||
          SceneOfPointer(inks[i].pointer) != SceneOfPointer(inks[k].pointer)) {
        continue;
      }
      EXPECT_FALSE(Overlap(inks[i].rect, inks[k].rect))
          << inks[i].pointer << " and " << inks[k].pointer;
    }
  }
}

double Luminance(const Rgba& color) {
  const auto linear = [](int value) {
    const double v = value / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b);
}

// As WCAG 2 has it.
double Contrast(const Rgba& a, const Rgba& b) {
  const auto [low, high] = std::minmax({Luminance(a), Luminance(b)});
  return (high + 0.05) / (low + 0.05);
}

struct Frame {
  explicit Frame(const Scene& scene)
      : memory(static_cast<std::size_t>(scene.width() * scene.height() * 3 / 2)),
        view{memory.data(),
             memory.data() + scene.width() * scene.height(),
             scene.width(),
             scene.width(),
             scene.width(),
             scene.height()} {}

  std::vector<std::uint8_t> memory;
  Nv12View view;
};

using Values = std::map<std::string, std::string>;

// Of a template in a shape.
class ShippedTemplateTest : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  void SetUp() override {
    text_ = *ReadFile(absl::StrCat(kFolder, "/", std::get<0>(GetParam()), ".json"), 1 << 20);
    auto parsed = Template::Parse(text_, &InstalledFontFamilies());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    template_.emplace(*std::move(parsed));
    job_.set_template_json(text_);
    (*job_.mutable_voices())["professional"].set_engine("flite");
    for (const std::string& source : template_->sources()) paths_[source] = "/music.m4a";
    picture_ = std::make_unique<TempDir>(*TempDir::Create("picture"));
    paths_["image_url"] = picture_->path() / "picture.jpg";
    std::ofstream(paths_["image_url"], std::ios::binary)
        << ImageBytes("mjpeg", 160, 100, [](int x, int y) -> Rgba {
             return {static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(2 * y), 90, 255};
           });
  }

  void Look(const std::string& style, const std::string& scheme = "") {
    rendernode::OutputSpec& output = *job_.mutable_output();
    const std::string name = std::get<1>(GetParam());
    output.set_aspect_ratio(name);
    output.set_width(name == "16:9" ? 854 : 480);
    output.set_height(name == "9:16" ? 854 : 480);
    job_.mutable_overrides()->clear();
    (*job_.mutable_overrides())["style"] = style;
    if (!scheme.empty()) (*job_.mutable_overrides())["color_scheme"] = scheme;
  }

  absl::StatusOr<Scene> SceneOf(const Values& values) {
    rendernode::ItemSpec item;
    item.set_row(2);
    item.mutable_values()->insert(values.begin(), values.end());
    const auto composition = template_->Bind({job_, item, paths_});
    if (!composition.ok()) return composition.status();
    SpeechTracks tracks;
    for (const VoiceCue& cue : composition->voices()) tracks[cue.id] = SpokenAs(cue.text);
    return Scene::Resolve(*composition, tracks);
  }

  // Of a word each; of as much as each may hold, in each way of telling it.
  std::vector<Values> Rows() const {
    std::vector<Values> rows = {{{"title", "Go"}, {"script", "Here it is."}, {"image_url", "x"}}};
    Values full;
    for (const auto& [name, info] : template_->variables()) {
      if (info.type == VariableType::kString)
        full[name] = Words(std::min<std::size_t>(info.characters_max, 260));
    }
    full["image_url"] = "x";
    if (full.count("rating") > 0) full["rating"] = "4";
    rows.push_back(full);
    for (const char* kind : {"tutorial", "review"}) {
      if (full.count("kind") == 0) break;
      rows.push_back(full);
      rows.back()["kind"] = kind;
    }
    if (!template_->variables().at("image_url").required) {
      full.erase("image_url");
      rows.push_back(full);
    }
    return rows;
  }

  std::unique_ptr<TempDir> picture_;
  std::string text_;
  std::optional<Template> template_;
  rendernode::JobSpec job_;
  std::map<std::string, std::string> paths_;
};

TEST_P(ShippedTemplateTest, RowsOfAnyLengthAreLegibleInEveryShapeAndStyle) {
  for (const char* style : kStyles) {
    Look(style);
    const std::vector<Values> rows = Rows();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      SCOPED_TRACE(absl::StrCat(style, " row ", i));
      const auto scene = SceneOf(rows[i]);
      ASSERT_TRUE(scene.ok()) << scene.status();
      const std::vector<Ink> inks = InksOf(*scene);
      for (const Ink& ink : inks) ExpectInsideTheSafeArea(*scene, ink);
      ExpectApart(inks);
    }
  }
}

// Over a picture that fills the frame they have a panel.
TEST_P(ShippedTemplateTest, CaptionsStandOnNoPicture) {
  Look("modern");
  for (const Values& row : Rows()) {
    const auto scene = SceneOf(row);
    ASSERT_TRUE(scene.ok()) << scene.status();
    for (const Element& element : scene->elements()) {
      if (!std::holds_alternative<ImageContent>(element.content)) continue;
      const IntRect picture{static_cast<int>(element.box.x),
                            static_cast<int>(element.box.y),
                            static_cast<int>(element.box.w),
                            static_cast<int>(element.box.h)};
      if (picture.w == scene->width() && picture.h == scene->height()) continue;
      for (const Ink& ink : InksOf(*scene)) {
        const bool together = SceneOfPointer(ink.pointer) == SceneOfPointer(element.pointer);
        EXPECT_FALSE(together && ink.caption && Overlap(ink.rect, picture))
            << ink.pointer << " on " << element.pointer;
      }
    }
  }
}

TEST_P(ShippedTemplateTest, EveryLookPaintsWithoutAWarning) {
  const std::vector<Values> rows = Rows();
  for (const char* style : kStyles) {
    for (const char* scheme : kSchemes) {
      SCOPED_TRACE(absl::StrCat(style, " ", scheme));
      Look(style, scheme);
      const auto scene = SceneOf(rows[*scheme == '\0' ? 1 : 0]);
      ASSERT_TRUE(scene.ok()) << scene.status();
      EXPECT_THAT(scene->warnings(), IsEmpty());
      const auto compositor = Compositor::Create(*scene);
      ASSERT_TRUE(compositor.ok()) << compositor.status();
      const Frame frame(*scene);
      // Other colours are of the same shapes: the middle is enough for them.
      const std::vector<double> parts =
          *scheme == '\0' ? std::vector{0.06, 0.5, 0.97} : std::vector{0.5};
      for (const double part : parts) {
        const auto n = static_cast<std::int64_t>(part * static_cast<double>(scene->frame_count()));
        const auto painted = (*compositor)->Paint(n, frame.view, std::nullopt);
        ASSERT_TRUE(painted.ok()) << painted.status();
      }
      EXPECT_THAT((*compositor)->warnings(), IsEmpty());
    }
  }
}

TEST_P(ShippedTemplateTest, EveryTextIsReadableOnItsGroundInEveryStyleAndScheme) {
  const nlohmann::json document = nlohmann::json::parse(text_);
  for (const char* style : kStyles) {
    for (const char* scheme : kSchemes) {
      SCOPED_TRACE(absl::StrCat(style, " ", scheme));
      nlohmann::json colors = document["theme"]["colors"];
      colors.update(document["styles"][style].value("colors", nlohmann::json::object()));
      if (*scheme != '\0') {
        EXPECT_EQ(document["color_schemes"][scheme].size(), colors.size()) << "recolours all of it";
        colors.update(document["color_schemes"][scheme]);
      }
      const auto color = [&](const char* name) {
        return *ParseColor(colors.at(name).get<std::string>());
      };
      for (const char* ink : {"text", "muted", "accent"}) {
        for (const char* ground : {"bg", "bg_end", "surface"}) {
          EXPECT_GE(Contrast(color(ink), color(ground)), 4.5) << ink << " on " << ground;
        }
      }
      EXPECT_GE(Contrast(color("on_accent"), color("accent")), 4.5);
      EXPECT_GE(Contrast(color("on_accent"), color("accent_2")), 4.5);
    }
  }
}

// What moves without end is encoded anew on every frame: a third of the picture at most.
TEST_P(ShippedTemplateTest, OnceItHasArrivedMostOfThePictureRests) {
  Look("modern");
  const auto scene = SceneOf(Rows()[1]);
  ASSERT_TRUE(scene.ok()) << scene.status();
  const auto compositor = Compositor::Create(*scene);
  ASSERT_TRUE(compositor.ok()) << compositor.status();
  const std::int64_t n = scene->frame_count() / 2;
  double changed = 0;
  constexpr int kFrames = 30;
  for (int i = 0; i < kFrames; ++i) {
    const auto damage = (*compositor)->Damage(n + i, n + i + 1);
    ASSERT_TRUE(damage.ok()) << damage.status();
    for (const IntRect& rect : *damage) changed += static_cast<double>(rect.w) * rect.h;
  }
  EXPECT_LT(changed / kFrames, 0.36 * scene->width() * scene->height());
}

INSTANTIATE_TEST_SUITE_P(All,
                         ShippedTemplateTest,
                         ::testing::Combine(::testing::Values("tpl_promotional",
                                                              "tpl_tutorial",
                                                              "tpl_testimonial",
                                                              "tpl_standard",
                                                              "tpl_concept",
                                                              "tpl_adaptive",
                                                              "tpl_example"),
                                            ::testing::Values("16:9", "9:16", "1:1")),
                         [](const auto& test) {
                           return absl::StrReplaceAll(
                               absl::StrCat(std::get<0>(test.param), "_", std::get<1>(test.param)),
                               {{":", "x"}});
                         });

}  // namespace
}  // namespace rn
