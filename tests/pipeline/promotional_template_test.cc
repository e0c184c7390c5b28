// The shipped template over every sample row, in every shape and look: nothing overflows, leaves
// the frame, lacks a glyph or stands on something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "catalog/sheet.h"
#include "pipeline/scene.h"
#include "template/template_model.h"

namespace rn {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kFolder[] = RN_SOURCE_DIR "/templates";
constexpr int kArabicRow = 4;
constexpr int kLongTitleRow = 6;
constexpr const char* kShapes[] = {"16:9", "9:16", "1:1"};
constexpr const char* kStyles[] = {"modern", "educational", "casual", "premium", "authentic"};
constexpr const char* kSchemes[] = {"premium_gold", "ocean", "sunset", "forest", "ruby"};

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

// Where something inked stands in the frame.
struct Ink {
  std::string pointer;
  IntRect rect;
};

bool Overlap(const IntRect& a, const IntRect& b) {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

class PromotionalTemplateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string text = *ReadFile(absl::StrCat(kFolder, "/tpl_promotional.json"), 1 << 20);
    auto parsed = Template::Parse(text, &InstalledFontFamilies());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    template_.emplace(*std::move(parsed));
    job_.set_template_json(text);
    (*job_.mutable_voices())["professional"].set_engine("flite");
    for (const std::string& source : template_->sources()) paths_[source] = "/music.m4a";
    paths_["image_url"] = "/picture.jpg";
    auto sheet =
        SheetFromCsv(*ReadFile(absl::StrCat(kFolder, "/samples/sheets/promo.csv"), 1 << 20),
                     {.first_row = 1, .last_row = 100, .last_column = 26});
    ASSERT_TRUE(sheet.ok()) << sheet.status();
    sheet_ = *std::move(sheet);
  }

  absl::StatusOr<Scene> SceneOf(const SheetRow& row) {
    rendernode::ItemSpec item;
    item.set_row(static_cast<std::uint32_t>(row.number));
    for (const auto& [name, value] : sheet_.ValuesOf(row)) (*item.mutable_values())[name] = value;
    const auto composition = template_->Bind({job_, item, paths_});
    if (!composition.ok()) return composition.status();
    SpeechTracks tracks;
    for (const VoiceCue& cue : composition->voices()) tracks[cue.id] = SpokenAs(cue.text);
    return Scene::Resolve(*composition, tracks);
  }

  void Set(const std::string& shape, const std::string& key = "", const std::string& look = "") {
    job_.mutable_output()->set_aspect_ratio(shape);
    job_.mutable_overrides()->clear();
    if (!key.empty()) (*job_.mutable_overrides())[key] = look;
  }

  std::optional<Template> template_;
  rendernode::JobSpec job_;
  std::map<std::string, std::string> paths_;
  Sheet sheet_;
};

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
      if (raster.ok()) inks.push_back(InkOf(element, *raster));
    } else if (const auto* captions = std::get_if<CaptionContent>(&element.content)) {
      for (const CaptionPage& page : captions->pages) {
        const auto raster = RasteriseCaption(captions->spec, page, 0);
        EXPECT_TRUE(raster.ok()) << raster.status();
        if (raster.ok()) inks.push_back(InkOf(element, *raster));
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

// Of one scene: texts among each other, and captions and titles with the picture.
void ExpectApart(const std::vector<Ink>& inks, const std::string& scene) {
  for (std::size_t i = 0; i < inks.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (inks[i].pointer == inks[k].pointer || !absl::StartsWith(inks[i].pointer, scene) ||
          !absl::StartsWith(inks[k].pointer, scene)) {
        continue;  // Caption pages take turns.
      }
      EXPECT_FALSE(Overlap(inks[i].rect, inks[k].rect))
          << inks[i].pointer << " and " << inks[k].pointer;
    }
  }
}

TEST_F(PromotionalTemplateTest, SampleRowsAreLegibleInEveryShapeAndStyle) {
  ASSERT_THAT(sheet_.rows, SizeIs(6));
  for (const char* shape : kShapes) {
    for (const char* style : kStyles) {
      Set(shape, "style", style);
      for (const SheetRow& row : sheet_.rows) {
        // The other styles differ in their fonts alone: the widest title and another script.
        const bool telling = row.number == kArabicRow || row.number == kLongTitleRow;
        if (style != std::string("modern") && !telling) continue;
        SCOPED_TRACE(absl::StrCat(shape, " ", style, " row ", row.number));
        const auto scene = SceneOf(row);
        ASSERT_TRUE(scene.ok()) << scene.status();
        const std::vector<Ink> inks = InksOf(*scene);
        for (const Ink& ink : inks) ExpectInsideTheSafeArea(*scene, ink);
        for (const char* id : {"/scenes/0/", "/scenes/1/", "/scenes/2/"}) ExpectApart(inks, id);
      }
    }
  }
}

TEST_F(PromotionalTemplateTest, OnlyTheBadgeStandsOnThePicture) {
  for (const char* shape : kShapes) {
    Set(shape);
    for (const SheetRow& row : sheet_.rows) {
      SCOPED_TRACE(absl::StrCat(shape, " row ", row.number));
      const auto scene = SceneOf(row);
      ASSERT_TRUE(scene.ok()) << scene.status();
      IntRect picture;
      for (const Element& element : scene->elements()) {
        if (!std::holds_alternative<ImageContent>(element.content)) continue;
        picture = {static_cast<int>(element.box.x),
                   static_cast<int>(element.box.y),
                   static_cast<int>(element.box.w),
                   static_cast<int>(element.box.h)};
      }
      int on_picture = 0;
      for (const Ink& ink : InksOf(*scene)) {
        const bool product = absl::StartsWith(ink.pointer, "/scenes/1/");
        on_picture += product && Overlap(ink.rect, picture) ? 1 : 0;
      }
      EXPECT_EQ(on_picture, 1);
    }
  }
}

TEST_F(PromotionalTemplateTest, EveryColorSchemeIsItsOwn) {
  std::set<std::string> accents;
  for (const char* scheme : kSchemes) {
    Set("16:9", "color_scheme", scheme);
    const auto scene = SceneOf(sheet_.rows.front());
    ASSERT_TRUE(scene.ok()) << scene.status();
    for (const Element& element : scene->elements()) {
      if (const auto* captions = std::get_if<CaptionContent>(&element.content)) {
        const Rgba& accent = captions->spec.active;
        accents.insert(absl::StrCat(accent.r, ",", accent.g, ",", accent.b));
        EXPECT_FALSE(accent == captions->spec.style.fill) << scheme << ": no word would be lit";
      }
    }
  }
  EXPECT_THAT(accents, SizeIs(std::size(kSchemes)));
}

TEST_F(PromotionalTemplateTest, ATitleAloneIsEnoughBesideScriptAndPicture) {
  Set("16:9");
  SheetRow row = sheet_.rows.front();
  for (std::size_t column = 3; column < row.cells.size(); ++column) row.cells[column].clear();
  EXPECT_TRUE(SceneOf(row).ok());
}

}  // namespace
}  // namespace rn
