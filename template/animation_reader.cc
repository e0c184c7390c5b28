#include "template/animation_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/nearest.h"

namespace rn {
namespace {

using nlohmann::json;
using Kind = AnimationModel::Kind;
using When = AnimationModel::When;

constexpr Length kWhole(100, Length::Unit::kPercent);

Way ReadWay(const Fields& fields, Way otherwise) {
  return fields.Choice<Way>(
      "direction",
      {{"up", Way::kUp}, {"down", Way::kDown}, {"left", Way::kLeft}, {"right", Way::kRight}},
      otherwise);
}

// "start", "end" or seconds.
void ReadWhen(const Fields& fields, AnimationModel* animation) {
  const json* time = fields.Find("time");
  if (time == nullptr) return;
  if (time->is_number()) {
    animation->when = When::kAt;
    animation->at = fields.Seconds("time");
    return;
  }
  const auto text = fields.Text("time");
  double seconds = 0;
  if (!text || *text == "start") return;
  if (*text == "end") {
    animation->when = When::kEnd;
  } else if (absl::SimpleAtod(*text, &seconds)) {
    animation->when = When::kAt;
    animation->at = fields.Seconds("time");
  } else {
    fields.Report("time",
                  absl::StrCat(UnknownName("time", *text, {"end", "start"}), ", or seconds"));
  }
}

// What only some kinds have.
void CheckProperties(const Fields& fields, Kind kind) {
  const auto only = [&](const char* key, std::initializer_list<Kind> kinds, const char* whose) {
    if (fields.Has(key) && std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
      fields.Report(
          key, absl::StrCat("is for ", whose, "; this is a ", fields.Text("type").value_or("")));
    }
  };
  only("direction", {Kind::kSlide, Kind::kWipe}, "slides and wipes");
  only("distance", {Kind::kSlide}, "slides");
  only("start_scale", {Kind::kScale}, "scales");
}

void ReadSlide(const Fields& fields, const Box& box, AnimationModel* slide) {
  const Way way = ReadWay(fields, Way::kUp);
  const bool vertical = way == Way::kUp || way == Way::kDown;
  const double distance = fields.Pixels("distance", vertical ? box.h : box.w, kWhole);
  // An entrance comes from behind its way, an exit goes on along it; backwards, it goes back.
  const bool onwards = slide->leaves && !slide->backwards;
  const bool positive = way == Way::kDown || way == Way::kRight;
  const double moved = std::round(distance) * (positive == onwards ? 1 : -1);
  (vertical ? slide->dy : slide->dx) = moved;
}

AnimationModel ReadAnimation(const Fields& fields, const Box& box) {
  AnimationModel animation;
  animation.kind = fields.Choice<Kind>("type",
                                       {{"fade", Kind::kFade},
                                        {"slide", Kind::kSlide},
                                        {"scale", Kind::kScale},
                                        {"wipe", Kind::kWipe},
                                        {"typewriter", Kind::kTypewriter}},
                                       Kind::kFade);
  ReadWhen(fields, &animation);
  animation.backwards = fields.Flag("reversed", false);
  if (animation.backwards && animation.when == When::kStart) {
    fields.Report("reversed",
                  "it would leave before it is there; let \"time\" be \"end\" or seconds");
  }
  animation.leaves = animation.when == When::kEnd || animation.backwards;
  animation.duration = fields.Seconds("duration", absl::Milliseconds(500));
  animation.easing = fields.EasingAt("easing");
  CheckProperties(fields, animation.kind);
  if (animation.kind == Kind::kSlide) ReadSlide(fields, box, &animation);
  if (animation.kind == Kind::kScale) {
    animation.start_scale = fields.Percent("start_scale", 0, {0, 10});
  }
  if (animation.kind == Kind::kWipe) animation.way = ReadWay(fields, Way::kRight);
  return animation;
}

}  // namespace

std::vector<AnimationModel> ReadAnimations(const Fields& fields, const Box& box) {
  std::vector<AnimationModel> animations;
  std::string pointer;
  const json* list = fields.Find("animations", &pointer);
  if (list == nullptr || !list->is_array()) return animations;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Fields animation(fields.context(), list->at(i), absl::StrCat(pointer, "/", i));
    animations.push_back(ReadAnimation(animation, box));
    const json* type = fields.Find("type");
    if (animations.back().kind == Kind::kTypewriter && type != nullptr && *type != "text") {
      animation.Report("type", "\"typewriter\" is for texts");
    }
  }
  return animations;
}

TransitionModel ReadTransition(const Fields& fields) {
  using Change = TransitionModel::Kind;
  TransitionModel transition;
  transition.kind = fields.Choice<Change>("type",
                                          {{"fade", Change::kFade},
                                           {"wipe", Change::kWipe},
                                           {"slide", Change::kSlide},
                                           {"push", Change::kPush},
                                           {"circle", Change::kCircle},
                                           {"zoom", Change::kZoom}},
                                          Change::kFade);
  transition.way = ReadWay(fields, Way::kLeft);
  transition.duration = fields.Seconds("duration", absl::Milliseconds(500));
  transition.easing = fields.EasingAt("easing");
  const bool moves = transition.kind == Change::kWipe || transition.kind == Change::kSlide ||
                     transition.kind == Change::kPush;
  if (!moves && fields.Has("direction")) {
    fields.Report(
        "direction",
        absl::StrCat("is for wipe, slide and push; this is a ", fields.Text("type").value_or("")));
  }
  return transition;
}

}  // namespace rn
