#include "pipeline/painter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "pipeline/blend.h"
#include "tests/pipeline/silent_scene.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kWidth = 160, kHeight = 90;
constexpr IntRect kWhole{0, 0, kWidth, kHeight};

Fill Solid(const Rgba& color) {
  Fill fill;
  fill.stops = {{0, color}};
  return fill;
}

Element Rect(const Box& box, const Rgba& color, double radius = 0) {
  ShapeContent shape;
  shape.fill = Solid(color);
  shape.radius_px = radius;
  return {.pointer = "/scenes/0/elements/0",
          .box = box,
          .content = shape,
          .anchor_x = box.x + box.w / 2,
          .anchor_y = box.y + box.h / 2};
}

DrawList Shown(std::vector<Draw> draws) {
  return {{.background = Rgba{30, 60, 90, 255}, .draws = std::move(draws)}};
}

class PainterTest : public testing::Test {
 protected:
  static std::vector<IntRect> Paint(Painter* painter,
                                    const DrawList& list,
                                    FrameBuffer* frame,
                                    const DrawList* holds = nullptr) {
    const auto rects = painter->Paint(list, frame->view(), holds);
    EXPECT_TRUE(rects.ok()) << rects.status();
    return rects.value_or(std::vector<IntRect>{});
  }

  // One frame of these elements, painted by nobody who painted anything else.
  static FrameBuffer Afresh(const std::vector<Element>& elements,
                            const DrawList& list,
                            unsigned noise = 1) {
    Painter painter(elements, kWidth, kHeight);
    FrameBuffer frame(kWidth, kHeight, noise);
    Paint(&painter, list, &frame);
    return frame;
  }

  Element Photo(const Box& box, bool moves) const {
    ImageContent image;
    image.path = assets_.Path("photo");
    image.moves = moves;
    image.scale_max = moves ? 1.4 : 1;
    return {.pointer = "/p",
            .box = box,
            .content = image,
            .anchor_x = box.x + box.w / 2,
            .anchor_y = box.y + box.h / 2};
  }

  // Everything that an element can be, in odd places.
  std::vector<Element> Everything() const {
    std::vector<Element> elements = {
        Photo({11, 7, 61, 43}, false),
        Photo({60, 30, 70, 50}, true),
        Rect({0, 0, kWidth, kHeight}, {200, 180, 40, 255}),
        Rect({33.4, 20.7, 50.2, 31.9}, {20, 200, 90, 160}, 9),
        Rect({100, 10, 40, 40}, {220, 30, 60, 255}),
        Rect({20, 50, 44, 30}, {240, 240, 250, 255}, 6),
    };
    elements[1].mask = Mask{.kind = Mask::Kind::kEllipse};
    elements[1].shadow = Shadow{.dx_px = 4, .dy_px = 2, .blur_px = 4};
    elements[4].shadow = Shadow{.dx_px = 3, .dy_px = 4, .blur_px = 6};
    elements[4].mask = Mask{.kind = Mask::Kind::kLuminance, .path = assets_.Path("photo")};
    elements[5].shadow = Shadow{.color = {0, 0, 60, 200}, .dx_px = -5, .blur_px = 9};
    Element group{.pointer = "/g", .box = {20, 10, 100, 70}, .content = GroupContent{}};
    group.anchor_x = 70;
    group.anchor_y = 45;
    elements.push_back(group);
    group.mask = Mask{.kind = Mask::Kind::kRect, .radius_px = 12, .inverted = true};
    elements.push_back(group);
    return elements;
  }

  const SceneAssets assets_;
};

// Draws as nobody would write them, in all combinations.
class RandomDraws {
 public:
  RandomDraws(unsigned seed, int elements, int groups_from)
      : random_(seed), elements_(elements), groups_from_(groups_from) {}

  DrawList List() {
    DrawList list;
    for (int n = Int(1, 2); n > 0; --n) {
      DrawGroup group;
      if (list.empty() || Chance(2)) group.background = Rgba{40, 90, 120, 255};
      group.draws = Draws(0);
      if (Chance(2)) group.opacity = Int(0, 4) / 4.0;
      if (Chance(3)) group.dx = Int(-80, 80) / 2.0;
      if (Chance(4)) group.dy = Int(-80, 80) / 3.0;
      if (Chance(4)) group.scale = Int(1, 12) / 6.0;
      if (Chance(4)) group.clip = Box{Int(0, 90) / 1.5, 0, Int(1, 160) / 1.3, kHeight * 1.0};
      if (Chance(4)) group.circle_px = Int(0, 400) / 4.0;
      list.push_back(std::move(group));
    }
    return list;
  }

  // Another list that is like `list` but for one thing, as the next frame is.
  DrawList Next(const DrawList& list) {
    DrawList next = list;
    DrawGroup& group = next[static_cast<std::size_t>(Int(0, static_cast<int>(next.size()) - 1))];
    switch (Int(0, 5)) {
      case 0:
        if (group.circle_px) *group.circle_px += 3.4;
        break;
      case 1:
        if (group.clip) group.clip->w += 5.3;
        break;
      case 2:
        group.opacity = Int(0, 4) / 4.0;
        break;
      default:
        if (group.draws.empty()) break;
        Draw& draw =
            group.draws[static_cast<std::size_t>(Int(0, static_cast<int>(group.draws.size()) - 1))];
        if (Chance(4)) {
          draw.reveal.w = Int(0, 10) / 10.0;
        } else {
          draw = OneOf(draw.element);
        }
    }
    return next;
  }

 private:
  int Int(int from, int to) {
    return from + static_cast<int>(random_() % static_cast<unsigned>(to - from + 1));
  }
  bool Chance(int of) { return Int(1, of) == 1; }

  std::vector<Draw> Draws(int depth) {
    std::vector<Draw> draws;
    for (int element = 0; element < (depth > 0 ? groups_from_ : elements_); ++element) {
      if (Chance(2)) draws.push_back(OneOf(element, depth));
    }
    return draws;
  }

  Draw OneOf(int element, int depth = 0) {
    Draw draw{.element = element};
    if (Chance(3)) draw.dx = Chance(2) ? Int(-40, 40) : Int(-400, 400) / 7.0;
    if (Chance(3)) draw.dy = Chance(2) ? Int(-40, 40) : Int(-400, 400) / 7.0;
    if (Chance(4)) draw.scale_x = draw.scale_y = Int(0, 30) / 10.0;
    if (Chance(8)) draw.scale_x = Int(-30, 30) / 10.0;
    if (Chance(5)) draw.rotation_deg = Int(-360, 360);
    if (Chance(4)) draw.opacity = Int(0, 4) / 4.0;
    if (Chance(4)) draw.reveal = {Int(0, 4) / 10.0, 0, Int(0, 6) / 10.0, 1};
    if (Chance(2)) draw.window = {Int(0, 10) / 100.0, 0.05, 0.8, 0.8};
    if (element >= groups_from_) draw.children = Draws(depth + 1);
    return draw;
  }

  std::mt19937 random_;
  const int elements_, groups_from_;
};

TEST_F(PainterTest, FrameOverAnyOtherFrameIsTheFramePaintedAfresh) {
  const std::vector<Element> elements = Everything();
  RandomDraws draws(1, static_cast<int>(elements.size()), 6);
  Painter warm(elements, kWidth, kHeight);
  FrameBuffer frame(kWidth, kHeight, 2);
  DrawList held = draws.List();
  Paint(&warm, held, &frame);
  for (unsigned step = 0; step < 300; ++step) {
    const DrawList next = step % 4 == 0 ? draws.List() : draws.Next(held);
    Paint(&warm, next, &frame, &held);
    ASSERT_TRUE(frame == Afresh(elements, next, step)) << step;
    held = next;
  }
}

TEST_F(PainterTest, FramesDifferInsideTheirDamageAlone) {
  const std::vector<Element> elements = Everything();
  RandomDraws draws(7, static_cast<int>(elements.size()), 6);
  Painter painter(elements, kWidth, kHeight);
  for (int round = 0; round < 200; ++round) {
    const DrawList a = draws.List();
    const DrawList b = draws.Next(a);
    FrameBuffer first(kWidth, kHeight, 4);
    FrameBuffer second(kWidth, kHeight, 5);
    Paint(&painter, a, &first);
    Paint(&painter, b, &second);
    const auto damage = painter.Damage(a, b);
    ASSERT_TRUE(damage.ok()) << damage.status();
    for (const IntRect& rect : *damage) {
      EXPECT_EQ((rect.x | rect.y | rect.w | rect.h) & 1, 0);
      EXPECT_EQ(Intersect(rect, kWhole), rect);
      for (const FrameBuffer* frame : {&first, &second}) FillRect(frame->view(), rect, Yuv{});
    }
    ASSERT_TRUE(first == second) << round;
  }
}

TEST_F(PainterTest, DamageOfAWipeIsTheStripBetween) {
  const std::vector<Element> elements = {Rect({0, 0, kWidth, kHeight}, {9, 9, 9, 255})};
  Painter painter(elements, kWidth, kHeight);
  const auto wiped = [](double w) {
    DrawList list = Shown({});
    list.push_back({.background = Rgba{}, .draws = {{}}, .clip = Box{0, 0, w, kHeight}});
    return list;
  };
  EXPECT_THAT(*painter.Damage(wiped(40), wiped(48)), ElementsAre(IntRect{40, 0, 8, kHeight}));
  EXPECT_THAT(*painter.Damage(wiped(40.5), wiped(47.5)), ElementsAre(IntRect{40, 0, 8, kHeight}));
}

TEST_F(PainterTest, DamageOfARevealIsWhatItPassesOver) {
  const std::vector<Element> elements = {Rect({20, 10, 100, 60}, {9, 9, 9, 255})};
  Painter painter(elements, kWidth, kHeight);
  const auto revealed = [](double w) { return Shown({{.reveal = {0, 0, w, 1}}}); };
  EXPECT_THAT(*painter.Damage(revealed(0.5), revealed(0.55)), ElementsAre(IntRect{70, 10, 6, 60}));
}

TEST_F(PainterTest, DamageOfATurnedRectangleIsTheRectangleAroundIt) {
  const std::vector<Element> elements = {Rect({60, 30, 20, 20}, {9, 9, 9, 255})};
  Painter painter(elements, kWidth, kHeight);
  const Draw turned{.rotation_deg = 45};
  const auto damage = *painter.Damage(Shown({}), Shown({turned}));
  ASSERT_EQ(damage.size(), 1U);
  const double reach = 10 * std::sqrt(2.0);
  EXPECT_NEAR(damage[0].x, 70 - reach, 4);
  EXPECT_NEAR(damage[0].right(), 70 + reach, 4);
  EXPECT_NEAR(damage[0].y, 40 - reach, 4);
}

TEST_F(PainterTest, DamageOfAChildThatMovesIsItsOwnPlaceAlone) {
  const std::vector<Element> elements = {
      Rect({10, 10, 20, 20}, {9, 9, 9, 255}),
      Rect({60, 10, 20, 20}, {9, 9, 9, 255}),
      {.pointer = "/g", .box = {0, 0, 100, 90}, .content = GroupContent{}}};
  Painter painter(elements, kWidth, kHeight);
  const auto group = [](double dx) {
    return Shown({{.element = 2, .children = {{.element = 0}, {.element = 1, .dx = dx}}}});
  };
  EXPECT_THAT(*painter.Damage(group(0), group(0)), IsEmpty());
  EXPECT_THAT(*painter.Damage(group(0), group(4)), ElementsAre(IntRect{60, 10, 24, 20}));
}

TEST_F(PainterTest, GroupFadesAsOnePicture) {
  // Where the two overlap, the lower one does not shine through the upper one.
  const std::vector<Element> elements = {
      Rect({10, 10, 40, 40}, {255, 0, 0, 255}),
      Rect({30, 10, 40, 40}, {255, 255, 255, 255}),
      {.pointer = "/g", .box = {0, 0, 100, 90}, .content = GroupContent{}}};
  const FrameBuffer together =
      Afresh(elements,
             Shown({{.element = 2, .opacity = 0.5, .children = {{.element = 0}, {.element = 1}}}}));
  const FrameBuffer alone =
      Afresh(elements, Shown({{.element = 2, .opacity = 0.5, .children = {{.element = 1}}}}));
  const Nv12View& a = together.view();
  const Nv12View& b = alone.view();
  EXPECT_EQ(a.y[20 * a.y_stride + 40], b.y[20 * b.y_stride + 40]);
  EXPECT_EQ(a.uv[10 * a.uv_stride + 40], b.uv[10 * b.uv_stride + 40]);
  EXPECT_NE(a.uv[10 * a.uv_stride + 21], b.uv[10 * b.uv_stride + 21]);
}

}  // namespace
}  // namespace rn
