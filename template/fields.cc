#include "template/fields.h"

#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "template/template_document.h"

namespace rn {

using nlohmann::json;

void ReadContext::Report(absl::string_view pointer, absl::string_view message) const {
  if (!full()) problems->push_back({std::string(pointer), std::string(message)});
}

std::optional<std::string> ReadContext::Substitute(const std::string& text,
                                                   absl::string_view pointer) const {
  const auto expression = Expression::Parse(text);
  if (!expression.ok()) {
    Report(pointer, expression.status().message());
    return std::nullopt;
  }
  if (expression->constant()) return text;
  bool known = true;
  for (const std::string& name : expression->variables()) {
    if (variables.count(name) > 0) continue;
    known = false;
    if (!full()) {
      Report(pointer, UnknownName("variable", name, VariableNames(variables)));
    }
  }
  if (!known || checking_only()) return std::nullopt;
  return expression->Evaluate(*values);
}

bool ReadContext::Holds(const json& owner, absl::string_view pointer) const {
  const auto condition = owner.find("condition");
  if (condition == owner.end() || !condition->is_string()) return true;
  const std::string place = absl::StrCat(pointer, "/condition");
  const auto& text = condition->get_ref<const std::string&>();
  const auto expression = Expression::Parse(text);
  if (expression.ok() && !expression->lone_substitution()) {
    Report(place, "a condition is one \"{{…}}\"");
    return true;
  }
  const auto value = Substitute(text, place);
  return !value || Truthy(*value);
}

const json* Fields::Find(const char* key, std::string* pointer) const {
  for (const FieldLayer& layer : layers_) {
    if (!layer.object->is_object()) continue;
    const auto found = layer.object->find(key);
    if (found == layer.object->end()) continue;
    if (pointer) *pointer = absl::StrCat(layer.pointer, "/", key);
    return &*found;
  }
  if (pointer) *pointer = absl::StrCat(layers_.front().pointer, "/", key);
  return nullptr;
}

std::size_t Fields::LayerOf(const char* key) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i].object->is_object() && layers_[i].object->contains(key)) return i;
  }
  return layers_.size();
}

void Fields::Report(const char* key, absl::string_view message) const {
  std::string pointer;
  Find(key, &pointer);
  context_.Report(pointer, message);
}

std::optional<std::string> Fields::Text(const char* key) const {
  std::string pointer;
  const json* value = Find(key, &pointer);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return context_.Substitute(value->get_ref<const std::string&>(), pointer);
}

bool Fields::Flag(const char* key, bool otherwise) const {
  const json* value = Find(key);
  return value != nullptr && value->is_boolean() ? value->get<bool>() : otherwise;
}

std::optional<Rgba> Fields::Color(const char* key) const {
  const auto text = Text(key);
  if (!text) return std::nullopt;
  const auto color = context_.palette.Color(*text);
  if (!color.ok()) {
    Report(key, color.status().message());
    return std::nullopt;
  }
  return *color;
}

Easing Fields::EasingAt(const char* key) const {
  const auto text = Text(key);
  if (!text) return {};
  const auto easing = Easing::Parse(*text);
  if (!easing.ok()) {
    Report(key, easing.status().message());
    return {};
  }
  return *easing;
}

}  // namespace rn
