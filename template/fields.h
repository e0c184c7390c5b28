// Typed reading of one JSON object's properties, with variables filled in and mistakes collected.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "template/box.h"
#include "template/curve.h"
#include "template/easing.h"
#include "template/expression.h"
#include "template/length.h"
#include "template/palette.h"
#include "template/variables.h"

namespace rn {

struct KeyedProperty {
  std::string pointer;
  std::string key;
  Curve curve;
};

// [low, high] of a number.
struct NumberRange {
  double low = std::numeric_limits<double>::lowest();
  double high = std::numeric_limits<double>::max();
};
inline constexpr NumberRange kSecondsRange{0, 14'400};

// What reading needs to know besides the JSON. Everything outlives the readers.
struct ReadContext {
  const VariableMap& variables;
  const VariableValues* values = nullptr;  // null: a check of the template alone
  const BindInput* input = nullptr;        // null likewise
  Palette palette;
  LengthFrame frame;
  Box stage;  // what percentages of places and sizes are of: the frame, or the group's box
  int groups_around = 0;
  // The moment at which to read what keyframes change, and where to note that they do (may be
  // null).
  Moment moment{0, std::numeric_limits<double>::infinity()};
  std::vector<KeyedProperty>* keyed = nullptr;
  std::string variant;  // "" or one of variant_names
  std::vector<std::string> variant_names;
  std::string music;               // "music:name" in place of the template's; "" as it is
  std::vector<Problem>* problems;  // never null

  bool checking_only() const { return values == nullptr; }
  // Whether mistakes are still worth looking for.
  bool full() const { return problems->size() > kProblemsMax; }
  void Report(absl::string_view pointer, absl::string_view message) const;
  // `text` with its variables filled in; nothing when it cannot be known yet or is wrong.
  std::optional<std::string> Substitute(const std::string& text, absl::string_view pointer) const;
  // Of a "condition" at `pointer`; true while only checking.
  bool Holds(const nlohmann::json& owner, absl::string_view pointer) const;
};

// One object behind which others stand: the first that has a property gives it.
struct FieldLayer {
  const nlohmann::json* object;
  std::string pointer;
};

// Values of the wrong JSON type read as absent: CheckStructure has reported them.
class Fields {
 public:
  Fields(const ReadContext& context, std::vector<FieldLayer> layers)
      : context_(context), layers_(std::move(layers)) {}
  Fields(const ReadContext& context, const nlohmann::json& object, std::string pointer)
      : Fields(context, std::vector<FieldLayer>{{&object, std::move(pointer)}}) {}

  const ReadContext& context() const { return context_; }
  // Null when absent; `pointer` (may be null) tells where it stands, also when absent.
  const nlohmann::json* Find(const char* key, std::string* pointer = nullptr) const;
  bool Has(const char* key) const { return Find(key) != nullptr; }
  // How far behind the object stands what gives `key`; past all of them when absent.
  std::size_t LayerOf(const char* key) const;
  void Report(const char* key, absl::string_view message) const;

  std::optional<std::string> Text(const char* key) const;
  bool Flag(const char* key, bool otherwise) const;
  // Numbers may stand as texts with variables in them. Where the schema lets them be keyframes,
  // they are read at the context's moment, which notes them, or …
  double Number(const char* key, double otherwise, NumberRange range = {}) const;
  absl::Duration Seconds(const char* key, absl::Duration otherwise = {}) const;
  double Pixels(const char* key, double whole, Length otherwise) const;
  double Percent(const char* key, double otherwise, NumberRange range = {0, 4}) const;  // "35%"
                                                                                        // or 0.35
  // … as a whole.
  Curve NumberCurve(const char* key, double otherwise, NumberRange range) const;
  Curve PixelCurve(const char* key, double whole, Length otherwise) const;
  Curve PercentCurve(const char* key, double otherwise, NumberRange range) const;

  std::optional<Rgba> Color(const char* key) const;
  Easing EasingAt(const char* key) const;
  // CheckStructure has refused other texts than `choices`.
  template <typename T>
  T Choice(const char* key,
           std::initializer_list<std::pair<absl::string_view, T>> choices,
           T otherwise) const {
    const auto text = Text(key);
    for (const auto& [name, value] : choices) {
      if (text && *text == name) return value;
    }
    return otherwise;
  }

 private:
  // One value at a pointer; nothing when it is wrong (reported) or not known yet.
  using ValueReader =
      std::function<std::optional<double>(const nlohmann::json& value, const std::string& pointer)>;
  Curve ReadCurve(const char* key, double otherwise, const ValueReader& read) const;
  double AtMoment(const char* key, const Curve& curve) const;
  std::optional<double> NumberOf(const nlohmann::json& value,
                                 const std::string& pointer,
                                 NumberRange range) const;
  std::optional<double> PixelsOf(const nlohmann::json& value,
                                 const std::string& pointer,
                                 double whole) const;
  std::optional<double> PercentOf(const nlohmann::json& value,
                                  const std::string& pointer,
                                  NumberRange range) const;

  const ReadContext& context_;
  std::vector<FieldLayer> layers_;
};

}  // namespace rn
